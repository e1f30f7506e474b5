//! Streams that people open into pods: logs, commands, attachments, forwarded ports.
//!
//! A master asks, the agent dials back. A stream ends with its client: its task then stops reading, kills its command, closes
//! its connection.

mod attach;
mod exec;
mod logs;
mod port_forward;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use xebec_api::status::Status;
use xebec_proto::v1::open_stream::Kind;
use xebec_proto::v1::{OpenStream, StreamFrame, stream_frame::Frame};

use crate::images::chain;
use crate::link::{StreamConnection, StreamDialer};
use crate::node::Node;
use crate::pods::{PodView, Pods};

/// Streams open at the same time; more are refused, for each holds pipes and memory.
const MOST: usize = 128;
/// A client that does not take a frame for so long is gone.
const STUCK: Duration = Duration::from_secs(60);

/// Serves streams.
#[derive(Clone)]
pub struct Streams {
    node: Arc<Node>,
    pods: Pods,
    slots: Arc<Semaphore>,
}

/// The client has gone.
#[derive(Debug)]
pub(crate) struct Gone;

/// The way to the client.
pub(crate) struct Client(mpsc::Sender<StreamFrame>);

impl Client {
    /// Sends a frame, or finds that the client has gone.
    pub(crate) async fn send(&self, frame: Frame) -> Result<(), Gone> {
        let frame = StreamFrame { stream_id: String::new(), frame: Some(frame) };
        self.0.send_timeout(frame, STUCK).await.map_err(|_| Gone)
    }

    /// Ends the stream with an error.
    pub(crate) async fn fail(&self, status: &Status) -> Result<(), Gone> {
        self.send(Frame::ErrorJson(status.to_json().to_string().into())).await
    }

    /// Waits until the client has gone.
    pub(crate) async fn gone(&self) {
        self.0.closed().await;
    }
}

impl Streams {
    /// Streams into `pods`.
    pub fn new(node: Arc<Node>, pods: Pods) -> Streams {
        Streams { node, pods, slots: Arc::new(Semaphore::new(MOST)) }
    }

    /// Serves one stream, on a task of its own.
    pub fn serve(&self, open: OpenStream, dialer: StreamDialer) {
        let this = self.clone();
        tokio::spawn(async move {
            match dialer.dial().await {
                Ok(connection) => this.serve_on(open, connection).await,
                Err(error) => tracing::warn!(error = chain(&error), "a stream could not be opened"),
            }
        });
    }

    /// Serves a stream on a connection.
    pub async fn serve_on(&self, open: OpenStream, connection: StreamConnection) {
        let client = Client(connection.output);
        let served = match self.slots.try_acquire() {
            Ok(_slot) => self.serve_kind(&open, &client, connection.input).await,
            Err(_) => client.fail(&Status::too_many_requests("too many streams are open on this node", 1)).await,
        };
        if let Err(Gone) = served {
            tracing::debug!(pod = open.pod, "the client of a stream has gone");
        }
    }

    async fn serve_kind(
        &self,
        open: &OpenStream,
        client: &Client,
        input: mpsc::Receiver<StreamFrame>,
    ) -> Result<(), Gone> {
        let Some(view) = self.pods.view(&open.pod_uid) else {
            let pods = xebec_api::find_kind("", "v1", "Pod").expect("pods are in the kind table");
            return client.fail(&Status::not_found(pods, &open.pod)).await;
        };
        match &open.kind {
            Some(Kind::PortForward(wanted)) => {
                return port_forward::serve(&self.node, &view, wanted, client, input).await;
            }
            Some(Kind::Dial(wanted)) => return port_forward::dial(&self.node, &view, wanted, client, input).await,
            _ => {}
        }
        let Some(container) = container(&view, &open.container) else {
            let message = format!("container {} is not valid for pod {}", open.container, open.pod);
            return client.fail(&Status::bad_request(message)).await;
        };
        match &open.kind {
            Some(Kind::Logs(wanted)) => logs::serve(&self.node, &view, &container, wanted, client).await,
            Some(Kind::Exec(wanted)) => exec::serve(&self.node, &view, &container, wanted, client, input).await,
            Some(Kind::Attach(wanted)) => attach::serve(&self.node, &view, &container, wanted, client, input).await,
            Some(Kind::PortForward(_) | Kind::Dial(_)) | None => {
                client.fail(&Status::bad_request("the stream has no kind")).await
            }
        }
    }
}

/// The container that is meant: the named one, or the pod's first.
fn container(view: &PodView, name: &str) -> Option<String> {
    let desired = view.desired.borrow();
    let spec = desired.spec();
    if name.is_empty() {
        return spec.containers.first().map(|container| container.name.clone());
    }
    xebec_node_plan::pod::event::container_of(spec, name).map(|container| container.name.clone())
}
