//! Asking one server: few at once, each with a deadline, on connections that are kept.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, connect};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower::Service;
use xebec_api::decode;

use super::{AskError, Endpoint, Place};
use crate::outbound::{Connection, DialError, Dialler, Reach, tls};

/// Questions that one server is asked at once. Others wait for their turn, within their own time.
const AT_ONCE: usize = 64;
/// Connections that are kept while nobody asks.
const IDLE: usize = 8;
/// How long they are kept.
const KEPT: Duration = Duration::from_secs(90);
/// How long dialling and shaking hands may take, where whoever asks would wait longer.
const CONNECT: Duration = Duration::from_secs(10);

/// Asks one server. A clone shares its connections.
#[derive(Clone)]
pub struct Client {
    uri: Uri,
    http: legacy::Client<Connector, Full<Bytes>>,
    turns: Arc<Semaphore>,
}

impl Client {
    /// Asks `endpoint`, on connections that `dialler` makes.
    pub fn new(endpoint: Endpoint, dialler: Dialler) -> Client {
        let uri = endpoint.uri.clone();
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(KEPT).pool_max_idle_per_host(IDLE);
        let http = builder.build(Connector { endpoint: Arc::new(endpoint), dialler });
        Client { uri, http, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Asks, and reads an answer of at most `most` bytes.
    pub async fn ask(&self, question: &Value, most: usize, deadline: Instant) -> Result<Value, AskError> {
        let asking = async {
            let _turn = self.turns.acquire().await.map_err(|error| AskError::Http(error.into()))?;
            let answer =
                self.http.request(self.request(question)?).await.map_err(|error| AskError::Http(error.into()))?;
            read(answer, most).await
        };
        tokio::time::timeout_at(deadline, asking).await.unwrap_or(Err(AskError::TimedOut))
    }

    fn request(&self, question: &Value) -> Result<Request<Full<Bytes>>, AskError> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.uri.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, "xebec");
        request.body(Full::from(question.to_string())).map_err(|error| AskError::Http(error.into()))
    }
}

async fn read(answer: Response<Incoming>, most: usize) -> Result<Value, AskError> {
    let code = answer.status();
    if code.is_redirection() {
        return Err(AskError::Redirect(code.as_u16()));
    }
    if !code.is_success() {
        return Err(AskError::Code(code.as_u16()));
    }
    let bytes = match Limited::new(answer.into_body(), most).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(AskError::TooLarge(most)),
        Err(error) => return Err(AskError::Http(error)),
    };
    decode::json(&bytes).map_err(|status| AskError::Malformed(status.message))
}

/// Makes connections to one server, whatever the URL says.
#[derive(Clone)]
struct Connector {
    endpoint: Arc<Endpoint>,
    dialler: Dialler,
}

type Connecting = Pin<Box<dyn Future<Output = Result<TokioIo<Connection>, DialError>> + Send>>;

impl Service<Uri> for Connector {
    type Response = TokioIo<Connection>;
    type Error = DialError;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Connecting {
        let Connector { endpoint, dialler } = self.clone();
        Box::pin(async move {
            let deadline = Instant::now() + CONNECT;
            let connection = match &endpoint.place {
                Place::Host(host, port) => dialler.host(host, *port, deadline).await?,
                Place::Service(service) => dialler.service(service, Reach::Anywhere, deadline).await?,
            };
            Ok(TokioIo::new(tls::secure(connection, &endpoint.name, endpoint.tls.clone(), deadline).await?))
        })
    }
}

impl connect::Connection for Connection {
    fn connected(&self) -> connect::Connected {
        connect::Connected::new()
    }
}
