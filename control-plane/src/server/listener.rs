//! The API's TLS listener: accepts, shakes hands, and hands requests to the gate with the caller's name on them.
//!
//! One task accepts; each connection has a task of its own, which ends with the connection, at shutdown, or after the handshake's
//! deadline. Connections are bounded: above the bound a new one is closed at once, so that the caller tries another master. A
//! connection of nobody is closed after a minute: joining takes seconds, and the bound is for callers with a name.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::gate::Gate;
use crate::authn::{User, certificate};
use crate::bootstrap::service::RemoteAddress;

const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
const HEADER_DEADLINE: Duration = Duration::from_secs(30);
const ANONYMOUS_LIFE: Duration = Duration::from_secs(60);
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
        let user = match caller(&stream) {
            Ok(user) => user.map(Arc::new),
            Err(error) => return tracing::warn!(%from, %error, "a client certificate is refused"),
        };
        let (gate, is_anonymous) = (self.gate, user.is_none());
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let (gate, user) = (gate.clone(), user.clone());
            async move { Ok::<_, std::convert::Infallible>(gate.answer(introduce(request, user, from)).await) }
        });
        let builder = http();
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut serving = std::pin::pin!(serving);
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = time_is_up(is_anonymous, shutdown) => {
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

async fn time_is_up(is_anonymous: bool, shutdown: CancellationToken) {
    if is_anonymous {
        shutdown.run_until_cancelled(tokio::time::sleep(ANONYMOUS_LIFE)).await;
    } else {
        shutdown.cancelled().await;
    }
}

fn caller(stream: &TlsStream<TcpStream>) -> Result<Option<User>, certificate::CertificateUserError> {
    let chain = stream.get_ref().1.peer_certificates();
    chain.and_then(|chain| chain.first()).map(certificate::user).transpose()
}

fn introduce(request: hyper::Request<Incoming>, user: Option<Arc<User>>, from: SocketAddr) -> hyper::Request<Body> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(RemoteAddress(from));
    if let Some(user) = user {
        request.extensions_mut().insert(user);
    }
    request
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
