//! Accepts peers: TLS with a deadline, then HTTP/2.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use xebec_proto::peer::peer_server::{Peer, PeerServer};

use super::peers::MAX_MESSAGE;
use crate::world::{Incoming, PeerListener, PeerStream};

/// A peer that has not proved itself by then is hung up on.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Handshakes under way; more callers wait in the kernel's queue.
const HANDSHAKES: usize = 64;
/// A peer that answers no ping is gone.
const KEEPALIVE: Duration = Duration::from_secs(5);
const WINDOW: u32 = 4 << 20;

/// Serves `service` to `incoming` until `stop` turns true, then finishes what is under way.
pub(crate) async fn listen<S: Peer>(
    incoming: Incoming,
    service: S,
    mut stop: watch::Receiver<bool>,
) -> Result<(), tonic::transport::Error> {
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
    server.serve_with_incoming_shutdown(incoming, stopped).await
}

/// A TCP port behind TLS.
pub(crate) struct TlsListener {
    listener: TcpListener,
    tls: TlsAcceptor,
}

impl TlsListener {
    pub(crate) fn new(listener: TcpListener, tls: &rustls::ServerConfig) -> TlsListener {
        let mut tls = tls.clone();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        TlsListener { listener, tls: TlsAcceptor::from(Arc::new(tls)) }
    }
}

impl PeerListener for TlsListener {
    fn incoming(self: Box<Self>) -> Incoming {
        let (accepted, incoming) = mpsc::channel(HANDSHAKES);
        let accepting = tokio::spawn(accept(self.listener, self.tls, accepted));
        Box::pin(Accepting { incoming: ReceiverStream::new(incoming), task: accepting })
    }
}

/// Callers as they come; dropped, the port is closed.
struct Accepting {
    incoming: ReceiverStream<io::Result<PeerStream>>,
    task: JoinHandle<()>,
}

impl Stream for Accepting {
    type Item = io::Result<PeerStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<PeerStream>>> {
        Pin::new(&mut self.incoming).poll_next(cx)
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.task.abort();
    }
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
        Ok(Ok(stream)) => Some(PeerStream::new(stream)),
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
