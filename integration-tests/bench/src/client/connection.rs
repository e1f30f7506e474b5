//! A connection and its calls.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Method, Request, Uri, Version};
use prost::Message;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::frames;

/// A call that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(15);
const WINDOW: u32 = 8 << 20;

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No connection.
    #[error("cannot connect")]
    Connect(#[from] std::io::Error),
    /// The connection failed.
    #[error("the connection failed")]
    Transport(#[from] h2::Error),
    /// The server's status.
    #[error("status {code}: {text}")]
    Status {
        /// gRPC's code.
        code: u16,
        /// In words.
        text: String,
    },
    /// The server does not speak as agreed.
    #[error("the server sent {0}")]
    Protocol(&'static str),
    /// The answer is not the expected message.
    #[error("the answer cannot be read")]
    Decode(#[from] prost::DecodeError),
    /// It took too long.
    #[error("no answer within {PATIENCE:?}")]
    Timeout,
}

/// A connection; clones share it.
#[derive(Clone)]
pub struct Connection {
    requests: SendRequest<Bytes>,
    address: SocketAddr,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Connection, CallError> {
        timeout(PATIENCE, Connection::connect(address)).await.map_err(|_| CallError::Timeout)?
    }

    async fn connect(address: SocketAddr) -> Result<Connection, CallError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(WINDOW).initial_connection_window_size(WINDOW * 2).enable_push(false);
        let (requests, connection) = builder.handshake(stream).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, %address, "a connection ended");
            }
        });
        Ok(Connection { requests, address })
    }

    /// One question, one answer.
    pub async fn call<Q: Message, A: Message + Default>(&self, route: &str, question: &Q) -> Result<A, CallError> {
        timeout(PATIENCE, self.ask(route, question)).await.map_err(|_| CallError::Timeout)?
    }

    async fn ask<Q: Message, A: Message + Default>(&self, route: &str, question: &Q) -> Result<A, CallError> {
        let (response, mut sending) = self.begin(route).await?;
        sending.send_data(frames::frame(question), true)?;
        let mut body = accepted(response).await?;
        let mut received = BytesMut::new();
        while let Some(data) = body.data().await {
            absorb(&mut body, &mut received, &data?)?;
        }
        check(body.trailers().await?.as_ref())?;
        frames::take(&mut received)?.ok_or(CallError::Protocol("half an answer"))
    }

    /// Opens a stream.
    pub(super) async fn begin(&self, route: &str) -> Result<(ResponseFuture, SendStream<Bytes>), CallError> {
        let uri = Uri::builder().scheme("http").authority(self.address.to_string()).path_and_query(route);
        let uri = uri.build().map_err(|_| CallError::Protocol("an address that is none"))?;
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_2;
        let headers = request.headers_mut();
        headers.insert("content-type", http::HeaderValue::from_static("application/grpc"));
        headers.insert("te", http::HeaderValue::from_static("trailers"));
        let mut requests = self.requests.clone().ready().await?;
        Ok(requests.send_request(request, false)?)
    }
}

/// The body of an answer whose head is good.
pub(super) async fn accepted(response: ResponseFuture) -> Result<RecvStream, CallError> {
    let response = response.await?;
    if !response.status().is_success() {
        return Err(CallError::Protocol("an HTTP error"));
    }
    check(Some(response.headers()))?;
    Ok(response.into_body())
}

/// Keeps what came, and lets the server send as much again.
pub(super) fn absorb(body: &mut RecvStream, received: &mut BytesMut, data: &Bytes) -> Result<(), CallError> {
    received.extend_from_slice(data);
    Ok(body.flow_control().release_capacity(data.len())?)
}

/// The status, where one stands.
pub(super) fn check(headers: Option<&HeaderMap>) -> Result<(), CallError> {
    let Some(code) = headers.and_then(|headers| headers.get("grpc-status")) else { return Ok(()) };
    match code.to_str().ok().and_then(|code| code.parse().ok()) {
        Some(0) => Ok(()),
        code => {
            let text = headers.and_then(|headers| headers.get("grpc-message"));
            let text = text.map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned());
            Err(CallError::Status { code: code.unwrap_or(2), text: text.unwrap_or_default() })
        }
    }
}
