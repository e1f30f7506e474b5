//! The API's TLS listener: accepts, shakes hands, and hands requests to the gate with the caller's name on them.
//!
//! One task accepts; each connection has a task of its own, which ends with the connection, at shutdown, or after the handshake's
//! deadline. Connections are bounded: above the bound a new one is closed at once, so that the caller tries another master. A
//! connection on which nobody has said a name is closed after a minute: joining takes seconds, and the bound is for callers with
//! a name. One that began with a certificate ends with it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use jiff::Timestamp;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::gate::Gate;
use crate::authn::certificate::{CertificateUserError, ClientCertificate};
use crate::bootstrap::service::RemoteAddress;

const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
const HEADER_DEADLINE: Duration = Duration::from_secs(30);
const NAMELESS_LIFE: Duration = Duration::from_secs(60);
/// What a connection is given to finish its answers at shutdown.
const DRAIN: Duration = Duration::from_secs(2);
/// After an accept error (no file descriptors, usually) trying again at once would only burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// One client-go process opens a stream for each kind that it watches; a node one for each log and exec.
const MAX_STREAMS_PER_CONNECTION: u32 = 1_000;
const MAX_HEADERS: u32 = 64 * 1024;

/// Accepts until it is told to stop, then waits for its connections.
pub struct Listener {
    /// Where callers connect.
    pub tcp: TcpListener,
    /// Our certificate; client certificates verified.
    pub tls: Arc<ServerConfig>,
    /// Answers requests.
    pub gate: Gate,
    /// Connections at once.
    pub max_connections: usize,
}

impl Listener {
    /// Serves.
    pub async fn run(self, shutdown: CancellationToken) {
        let tasks = TaskTracker::new();
        let connections = Arc::new(Semaphore::new(self.max_connections));
        let acceptor = TlsAcceptor::from(self.tls);
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = self.tcp.accept() => accepted,
            };
            let (tcp, from) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(permit) = connections.clone().try_acquire_owned() else {
                tracing::debug!(%from, "too many connections: closed");
                continue;
            };
            let connection = Connection { acceptor: acceptor.clone(), gate: self.gate.clone(), from };
            let shutdown = shutdown.clone();
            tasks.spawn(async move {
                connection.serve(tcp, shutdown).await;
                drop(permit);
            });
        }
        tasks.close();
        tasks.wait().await;
    }
}

struct Connection {
    acceptor: TlsAcceptor,
    gate: Gate,
    from: SocketAddr,
}

impl Connection {
    async fn serve(self, tcp: TcpStream, shutdown: CancellationToken) {
        let from = self.from;
        let Some(stream) = self.shake_hands(tcp).await else { return };
        let certificate = match certificate(&stream) {
            Ok(certificate) => certificate.map(Arc::new),
            Err(error) => return tracing::warn!(%from, %error, "a client certificate is refused"),
        };
        let acquainted = Acquainted::default();
        let until = until(certificate.as_deref(), acquainted.clone(), shutdown);
        let gate = self.gate;
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(RemoteAddress(from));
            request.extensions_mut().insert(acquainted.clone());
            if let Some(certificate) = &certificate {
                request.extensions_mut().insert(certificate.clone());
            }
            let gate = gate.clone();
            async move { Ok::<_, std::convert::Infallible>(gate.answer(request).await) }
        });
        let builder = http();
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut serving = std::pin::pin!(serving);
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = until => {
                serving.as_mut().graceful_shutdown();
                tokio::time::timeout(DRAIN, serving).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%from, %error, "a connection ended");
        }
    }

    async fn shake_hands(&self, tcp: TcpStream) -> Option<TlsStream<TcpStream>> {
        let from = self.from;
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%from, %error, "cannot turn Nagle's algorithm off");
        }
        match tokio::time::timeout(HANDSHAKE_DEADLINE, self.acceptor.accept(tcp)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%from, %error, "the TLS handshake failed");
                None
            }
            Err(_) => {
                tracing::debug!(%from, "no TLS handshake in time: closed");
                None
            }
        }
    }
}

/// Whether somebody has said a name on a connection, by certificate or token; the gate says so.
#[derive(Clone, Debug, Default)]
pub(super) struct Acquainted(Arc<AtomicBool>);

impl Acquainted {
    /// Somebody has.
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Lasts for as long as a connection may: until shutdown, or the end of the certificate that it began with.
fn until(
    certificate: Option<&ClientCertificate>,
    acquainted: Acquainted,
    shutdown: CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let life = certificate.map(|certificate| {
        Duration::try_from(certificate.not_after.duration_since(Timestamp::now())).unwrap_or_default()
    });
    async move {
        let over = tokio::time::sleep(life.unwrap_or(NAMELESS_LIFE));
        let in_time = shutdown.run_until_cancelled(over).await.is_some();
        if in_time && life.is_none() && acquainted.0.load(Ordering::Relaxed) {
            shutdown.cancelled().await;
        }
    }
}

fn certificate(stream: &TlsStream<TcpStream>) -> Result<Option<ClientCertificate>, CertificateUserError> {
    let chain = stream.get_ref().1.peer_certificates();
    chain.and_then(|chain| chain.first()).map(ClientCertificate::read).transpose()
}

fn http() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_DEADLINE).max_buf_size(MAX_HEADERS as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .max_concurrent_streams(MAX_STREAMS_PER_CONNECTION)
        .max_header_list_size(MAX_HEADERS)
        .adaptive_window(true);
    builder
}
