//! A command in a container: input from the client to its node, output back, an exit code at the end.
//!
//! One task carries the input; it ends with the client's stream, or when the node's end is closed. The output is the
//! answer's stream, and dropping it closes the node's end.

use futures::{Stream, StreamExt};
use serde_json::json;
use tokio::sync::mpsc;
use xebec_api::{Status, Subresource};
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{
    ExecInput, ExecOpen, ExecOutput, ExecStream, OpenStream, StreamFrame, StreamSize, exec_input, exec_output,
    open_stream,
};

use super::logs::{lost, pod};
use super::{Answers, ObjectsService, refuse};
use crate::nodes::NodeStream;
use crate::registry::{Access, RequestContext, node_refusal};

/// What the client sends.
type Inputs = std::pin::Pin<Box<dyn Stream<Item = Result<ExecInput, tonic::Status>> + Send>>;

impl ObjectsService {
    pub(super) async fn run(&self, cx: &RequestContext, mut inputs: Inputs) -> Result<Answers<ExecOutput>, Status> {
        let first = tokio::time::timeout_at(cx.deadline, inputs.next()).await;
        let Ok(Some(Ok(ExecInput { input: Some(exec_input::Input::Open(open)) }))) = first else {
            return Err(Status::bad_request("the first message must say what to run"));
        };
        if open.command.is_empty() {
            return Err(Status::bad_request("you must specify at least one command for the container"));
        }
        let target = pod(&open.namespace, &open.pod, Subresource::Exec)?;
        let options = json!({"container": open.container, "command": open.command, "stdin": open.stdin, "stdout": true,
            "stderr": !open.tty, "tty": open.tty});
        let access = Access::Connect("PodExecOptions", options);
        let place = self.registry.locate_container(cx, access, &target, &open.container).await?;
        let (node, message) = (place.node.clone(), message(open, place.uid, place.container));
        let NodeStream { input, output } = self.streams.open(&node, message, cx.deadline).await?;
        tokio::spawn(carry(inputs, input));
        Ok(Box::pin(futures::stream::unfold(Some((output, node)), next)))
    }
}

fn message(open: ExecOpen, pod_uid: String, container: String) -> OpenStream {
    let exec = ExecStream { command: open.command, stdin: open.stdin, tty: open.tty };
    OpenStream {
        stream_id: String::new(),
        namespace: open.namespace,
        pod: open.pod,
        pod_uid,
        container,
        kind: Some(open_stream::Kind::Exec(exec)),
    }
}

/// Carries the input until either end has enough.
async fn carry(mut inputs: Inputs, to_node: mpsc::Sender<StreamFrame>) {
    loop {
        let input = tokio::select! {
            input = inputs.next() => input,
            () = to_node.closed() => return,
        };
        let Some(Ok(ExecInput { input: Some(input) })) = input else { return };
        let Some(frame) = frame(input) else { return };
        if to_node.send(StreamFrame { stream_id: String::new(), frame: Some(frame) }).await.is_err() {
            return;
        }
    }
}

/// `None` for what may only come first.
fn frame(input: exec_input::Input) -> Option<Frame> {
    match input {
        exec_input::Input::Open(_) => None,
        exec_input::Input::Stdin(bytes) => Some(Frame::Stdin(bytes)),
        exec_input::Input::StdinClosed(closed) => Some(Frame::StdinClosed(closed)),
        exec_input::Input::Resize(size) => Some(Frame::Resize(StreamSize { width: size.width, height: size.height })),
    }
}

type Open = Option<(mpsc::Receiver<StreamFrame>, String)>;

async fn next(open: Open) -> Option<(Result<ExecOutput, tonic::Status>, Open)> {
    let (mut output, node) = open?;
    let say = |output| Ok(ExecOutput { output: Some(output) });
    match output.recv().await.and_then(|frame| frame.frame) {
        Some(Frame::Stdout(bytes)) => Some((say(exec_output::Output::Stdout(bytes)), Some((output, node)))),
        Some(Frame::Stderr(bytes)) => Some((say(exec_output::Output::Stderr(bytes)), Some((output, node)))),
        Some(Frame::ExitCode(code)) => Some((say(exec_output::Output::ExitCode(code)), None)),
        Some(Frame::ErrorJson(json)) => Some((Err(refuse(node_refusal(&json))), None)),
        Some(_) => None,
        None => Some((Err(lost(&node)), None)),
    }
}
