//! One way to dial a master: TCP, TLS with the server's name verified, HTTP/2 with keepalive.
//!
//! A dead peer is noticed by keepalive (a ping each 2 s, given up after 4 s), for idle connections too: a master that lost its
//! power sends no reset. A channel dials again by itself after that; each attempt has the deadline given here.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::Channel;

pub use crate::endpoint::Endpoint;

const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(4);
/// Log and exec streams move more than HTTP/2's default of 64 KiB a round trip.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// Why no channel was opened.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// No TCP connection.
    #[error("cannot connect to {endpoint}")]
    Connect {
        /// Who was dialled.
        endpoint: Endpoint,
        /// As the system said it.
        #[source]
        source: io::Error,
    },
    /// TCP stands, TLS was refused by one of both sides. The source holds a `rustls::Error` when it came from our side.
    #[error("TLS with {endpoint} failed")]
    Tls {
        /// Who was dialled.
        endpoint: Endpoint,
        /// Holds the `rustls::Error`.
        #[source]
        source: io::Error,
    },
    /// Nothing came in time.
    #[error("no answer from {endpoint} within {} ms", timeout.as_millis())]
    Timeout {
        /// Who was dialled.
        endpoint: Endpoint,
        /// How long was waited.
        timeout: Duration,
    },
    /// The host is neither a DNS name nor an IP address.
    #[error("{endpoint} cannot be the name of a TLS server")]
    Name {
        /// Who was to be dialled.
        endpoint: Endpoint,
    },
    /// TLS stands, HTTP/2 does not.
    #[error("{endpoint} does not speak gRPC")]
    Http {
        /// Who was dialled.
        endpoint: Endpoint,
        /// As tonic said it.
        #[source]
        source: tonic::transport::Error,
    },
}

impl DialError {
    /// The TLS error of our own side, when that is what failed.
    pub fn tls(&self) -> Option<&rustls::Error> {
        match self {
            Self::Tls { source, .. } => source.get_ref()?.downcast_ref(),
            _ => None,
        }
    }
}

/// Connects now and returns when HTTP/2 stands.
pub async fn dial(endpoint: &Endpoint, tls: Arc<ClientConfig>, timeout: Duration) -> Result<Channel, DialError> {
    let dialler = Dialler::new(endpoint, tls, timeout);
    let first = Mutex::new(Some(dialler.establish().await?));
    let connector = tower::service_fn(move |_| {
        let ready = first.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let dialler = dialler.clone();
        async move {
            let stream = match ready {
                Some(stream) => stream,
                None => dialler.establish().await?,
            };
            Ok::<_, DialError>(TokioIo::new(stream))
        }
    });
    let transport = transport(endpoint)?;
    match tokio::time::timeout(timeout, transport.connect_with_connector(connector)).await {
        Ok(opened) => opened.map_err(|source| DialError::Http { endpoint: endpoint.clone(), source }),
        Err(_) => Err(DialError::Timeout { endpoint: endpoint.clone(), timeout }),
    }
}

/// A channel that connects when it is first used.
pub fn connect_lazy(endpoint: &Endpoint, tls: Arc<ClientConfig>, timeout: Duration) -> Result<Channel, DialError> {
    let dialler = Dialler::new(endpoint, tls, timeout);
    connect_lazy_over(endpoint, move || {
        let dialler = dialler.clone();
        async move { dialler.establish().await }
    })
}

/// The same over connections of the caller's making; `establish` has a deadline of its own.
pub fn connect_lazy_over<E, F, S>(endpoint: &Endpoint, establish: E) -> Result<Channel, DialError>
where
    E: Fn() -> F + Send + 'static,
    F: Future<Output = Result<S, DialError>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let connector = tower::service_fn(move |_| {
        let established = establish();
        async move { established.await.map(TokioIo::new) }
    });
    Ok(transport(endpoint)?.connect_with_connector_lazy(connector))
}

fn transport(endpoint: &Endpoint) -> Result<tonic::transport::Endpoint, DialError> {
    let transport = tonic::transport::Endpoint::from_shared(endpoint.url())
        .map_err(|_| DialError::Name { endpoint: endpoint.clone() })?;
    Ok(transport
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW))
}

#[derive(Clone)]
struct Dialler {
    endpoint: Endpoint,
    tls: TlsConnector,
    timeout: Duration,
}

impl Dialler {
    fn new(endpoint: &Endpoint, tls: Arc<ClientConfig>, timeout: Duration) -> Self {
        let mut config = ClientConfig::clone(&tls);
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self { endpoint: endpoint.clone(), tls: TlsConnector::from(Arc::new(config)), timeout }
    }

    async fn establish(&self) -> Result<TlsStream<TcpStream>, DialError> {
        tokio::time::timeout(self.timeout, self.handshake())
            .await
            .map_err(|_| DialError::Timeout { endpoint: self.endpoint.clone(), timeout: self.timeout })?
    }

    async fn handshake(&self) -> Result<TlsStream<TcpStream>, DialError> {
        let endpoint = || self.endpoint.clone();
        let name = ServerName::try_from(self.endpoint.host().to_owned())
            .map_err(|_| DialError::Name { endpoint: endpoint() })?;
        let connect_failed = |source| DialError::Connect { endpoint: endpoint(), source };
        let tcp = TcpStream::connect((self.endpoint.host(), self.endpoint.port())).await.map_err(connect_failed)?;
        tcp.set_nodelay(true).map_err(connect_failed)?;
        self.tls.connect(name, tcp).await.map_err(|source| DialError::Tls { endpoint: endpoint(), source })
    }
}
