//! Accepts peers: TLS with a deadline, then HTTP/2.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use xebec_proto::peer::peer_server::{Peer, PeerServer};

use super::peers::MAX_MESSAGE;

/// A peer that has not proved itself by then is hung up on.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Handshakes under way; more callers wait in the kernel's queue.
const HANDSHAKES: usize = 64;
/// A peer that answers no ping is gone.
const KEEPALIVE: Duration = Duration::from_secs(5);
const WINDOW: u32 = 4 << 20;

/// Serves `service` until `stop` turns true, then finishes what is under way.
pub(crate) async fn listen<S: Peer>(
    listener: TcpListener,
    tls: &rustls::ServerConfig,
    service: S,
    mut stop: watch::Receiver<bool>,
) -> Result<(), tonic::transport::Error> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let (accepted, incoming) = mpsc::channel(HANDSHAKES);
    let accepting = tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(tls)), accepted));
    let service =
        PeerServer::new(service).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE);
    let server = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW * 2)
        .add_service(service);
    let stopped = async move {
        // An error means that the sender is gone, which is a stop too.
        let _gone = stop.wait_for(|stop| *stop).await.is_err();
    };
    let served = server.serve_with_incoming_shutdown(ReceiverStream::new(incoming), stopped).await;
    accepting.abort();
    served
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, accepted: mpsc::Sender<io::Result<PeerStream>>) {
    let slots = Arc::new(Semaphore::new(HANDSHAKES));
    while let Ok(slot) = slots.clone().acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a peer");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (tls, accepted) = (tls.clone(), accepted.clone());
        tokio::spawn(async move {
            let _slot = slot;
            if let Some(stream) = handshake(stream, &tls).await
                && accepted.send(Ok(stream)).await.is_err()
            {
                tracing::debug!("a peer called while the server stopped");
            }
        });
    }
}

async fn handshake(stream: TcpStream, tls: &TlsAcceptor) -> Option<PeerStream> {
    let address = stream.peer_addr().ok();
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, ?address, "cannot switch off Nagle's algorithm");
    }
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => Some(PeerStream(stream)),
        Ok(Err(error)) => {
            tracing::warn!(%error, ?address, "a caller on the peer port is refused");
            None
        }
        Err(_) => {
            tracing::warn!(?address, "a caller on the peer port did not prove itself in time");
            None
        }
    }
}

/// A proven connection, as tonic wants it.
struct PeerStream(TlsStream<TcpStream>);

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
