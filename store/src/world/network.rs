//! Connections between peers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::Channel;
use tonic::transport::server::Connected;
use xebec_proto::dial::{DialError, Endpoint};

/// Calls peers.
pub trait PeerNetwork: Send + Sync {
    /// A channel to a peer. It connects when it is used, and again after a failure; each attempt ends within `timeout`.
    fn channel(&self, peer: &Endpoint, timeout: Duration) -> Result<Channel, DialError>;
}

/// Takes the calls of peers.
pub trait PeerListener: Send {
    /// The callers, each proven to be a peer. Whoever drops it closes the port.
    fn incoming(self: Box<Self>) -> Incoming;
}

/// Connections as peers make them.
pub type Incoming = Pin<Box<dyn Stream<Item = io::Result<PeerStream>> + Send>>;

/// Bytes in both directions.
pub trait PeerIo: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> PeerIo for T {}

/// A connection with a peer, as tonic wants it.
pub struct PeerStream(Box<dyn PeerIo>);

impl PeerStream {
    /// Over any connection with a proven peer.
    pub fn new(io: impl PeerIo + 'static) -> PeerStream {
        PeerStream(Box::new(io))
    }
}

impl Connected for PeerStream {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for PeerStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
