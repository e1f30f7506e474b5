//! Serves an attachment: what a running container says from now on, as it says it, and what it is told.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::{broadcast, mpsc};
use xebec_api::status::Status;
use xebec_node_plan::logline::Stream;
use xebec_node_plan::pod::event::container_of;
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{AttachStream, StreamFrame};

use super::{Client, Gone};
use crate::containerd::{RuntimeError, open_sender};
use crate::images::chain;
use crate::logs::{Chunk, LogKey};
use crate::node::Node;
use crate::pods::PodView;
use crate::steps::PodContext;
use crate::steps::start::fifo;

pub(super) async fn serve(
    node: &Arc<Node>,
    view: &PodView,
    container: &str,
    wanted: &AttachStream,
    client: &Client,
    input: mpsc::Receiver<StreamFrame>,
) -> Result<(), Gone> {
    let (id, starts) = {
        let observed = view.observed.borrow();
        let record = observed.container(container);
        (record.running().map(|running| running.id.clone()), record.starts)
    };
    let (Some(id), Some(attempt)) = (id, starts.checked_sub(1)) else {
        return client.fail(&Status::bad_request(format!("container \"{container}\" is not running"))).await;
    };
    let pod = PodContext { node: node.clone(), desired: view.desired.borrow().clone(), address: None };
    let Some(output) = node.logs.attach(&LogKey::new(&pod.desired.pod, container, attempt)) else {
        return client.send(Frame::End(true)).await;
    };
    match Process::open(&pod, container, attempt, id) {
        Ok(process) => tokio::select! {
            gone = feed(process, wanted.stdin, input) => Err(gone),
            () = client.gone() => Err(Gone),
            answered = answer(output, client) => answered,
        },
        Err(error) => client.fail(&Status::internal(chain(&error))).await,
    }
}

/// The first process of a container.
struct Process {
    node: Arc<Node>,
    id: String,
    /// Absent if it was given none.
    stdin: Option<pipe::Sender>,
    /// Whether its input ends with its first client.
    once: bool,
    terminal: bool,
}

impl Process {
    fn open(pod: &PodContext, name: &str, attempt: u32, id: String) -> Result<Process, RuntimeError> {
        let container = container_of(pod.desired.spec(), name);
        let is_set = |flag: Option<bool>| flag == Some(true);
        let stdin = match container.is_some_and(|container| is_set(container.stdin)) {
            true => Some(open_sender(&fifo(pod, name, attempt, "in"))?),
            false => None,
        };
        let once = container.is_some_and(|container| is_set(container.stdin_once));
        let terminal = container.is_some_and(|container| is_set(container.tty));
        Ok(Process { node: pod.node.clone(), id, stdin, once, terminal })
    }

    async fn take(&mut self, frame: Frame) -> Result<(), RuntimeError> {
        match frame {
            Frame::Stdin(bytes) => self.write(&bytes).await,
            Frame::StdinClosed(_) if self.once && self.stdin.take().is_some() => {
                self.node.runtime.close_input(&self.id).await
            }
            Frame::Resize(size) if self.terminal => self.node.runtime.resize(&self.id, size.width, size.height).await,
            _ => Ok(()),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), RuntimeError> {
        let Some(stdin) = &mut self.stdin else { return Ok(()) };
        let failed = |source| RuntimeError::Io { operation: "write to", path: self.id.clone().into(), source };
        stdin.write_all(bytes).await.map_err(failed)
    }
}

/// Ends only when the client has gone.
async fn feed(mut process: Process, has_input: bool, mut input: mpsc::Receiver<StreamFrame>) -> Gone {
    while let Some(frame) = input.recv().await {
        let is_for_it = |frame: &Frame| has_input || matches!(frame, Frame::Resize(_));
        let Some(frame) = frame.frame.filter(is_for_it) else { continue };
        if let Err(error) = process.take(frame).await {
            tracing::debug!(error = chain(&error), "a container was not told what it was sent");
        }
    }
    Gone
}

async fn answer(mut output: broadcast::Receiver<Chunk>, client: &Client) -> Result<(), Gone> {
    loop {
        match output.recv().await {
            Ok((Stream::Stdout, bytes)) => client.send(Frame::Stdout(bytes)).await?,
            Ok((Stream::Stderr, bytes)) => client.send(Frame::Stderr(bytes)).await?,
            Err(broadcast::error::RecvError::Closed) => return client.send(Frame::End(true)).await,
            Err(broadcast::error::RecvError::Lagged(_)) => {
                let message = "the container says more than the client takes: output was lost";
                return client.fail(&Status::service_unavailable(message)).await;
            }
        }
    }
}
