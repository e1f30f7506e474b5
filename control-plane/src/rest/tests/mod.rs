//! The REST face: its contract case by case, and real kubectl where there is one.

mod admission;
mod apply;
mod contract;
mod custom;
mod every_kind;
pub(crate) mod kubectl;
mod patches;
mod policies;
mod tokens;

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tower::ServiceExt;
use xebec_api::Status;
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{OpenStream, StreamFrame, open_stream};

use super::{RestState, router};
use crate::aggregation::Aggregator;
use crate::authn::User;
use crate::nodes::{NodeStream, NodeStreams};
use crate::outbound::Dialler;
use crate::registry::SystemEnvironment;
use crate::registry::testing::Fixture;

/// A node whose containers say what they were asked.
pub(crate) struct EchoNode;

#[async_trait]
impl NodeStreams for EchoNode {
    async fn open(&self, node: &str, open: OpenStream, _deadline: Instant) -> Result<NodeStream, Status> {
        let (input, mut from_client) = mpsc::channel::<StreamFrame>(4);
        let (to_client, output) = mpsc::channel(4);
        let frame = |frame| StreamFrame { stream_id: String::new(), frame: Some(frame) };
        let greeting = format!("{} on {node}\n", open.container);
        let exec = matches!(open.kind, Some(open_stream::Kind::Exec(_)));
        tokio::spawn(async move {
            drop(to_client.send(frame(Frame::Stdout(Bytes::from(greeting)))).await);
            while exec && let Some(StreamFrame { frame: Some(Frame::Stdin(bytes)), .. }) = from_client.recv().await {
                drop(to_client.send(frame(Frame::Stdout(bytes))).await);
            }
            drop(to_client.send(frame(if exec { Frame::ExitCode(3) } else { Frame::End(true) })).await);
        });
        Ok(NodeStream { input, output })
    }
}

/// What the REST face serves, with nodes that are reached by these streams.
pub(crate) fn state(fixture: &Fixture, streams: Arc<dyn NodeStreams>) -> RestState {
    let dialler = Dialler::new(fixture.cache.clone(), Arc::new(SystemEnvironment));
    dialler.reach_nodes_by(&streams);
    let aggregator = Aggregator::default();
    RestState { registry: fixture.registry.clone(), streams, dialler, aggregator, api_address: "10.0.0.1:6443".into() }
}

/// The router, with a caller already known.
pub(super) fn app(fixture: &Fixture, user: &str) -> Router {
    app_of(state(fixture, Arc::new(EchoNode)), user)
}

/// The same, of this state.
pub(super) fn app_of(state: RestState, user: &str) -> Router {
    let user = Arc::new(User::new(user, []));
    let know = move |mut request: Request| {
        request.extensions_mut().insert(user.clone());
        std::future::ready(request)
    };
    router(state).layer(axum::middleware::map_request(know))
}

/// A request and its answer, without a network.
pub(super) async fn call(
    app: &Router,
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> (u16, Value) {
    let (response, bytes) = raw(app, method, uri, headers, body).await;
    let value =
        serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    (response.status().as_u16(), value)
}

pub(super) async fn raw(
    app: &Router,
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> (Response<()>, Bytes) {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (Response::from_parts(parts, ()), bytes)
}
