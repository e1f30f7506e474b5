//! exec and attach: which container, which of its streams, over which protocol.

use axum::response::Response;
use serde_json::json;
use xebec_api::{Status, Subresource};
use xebec_proto::v1::{AttachStream, ExecStream, StreamFrame, StreamSize, open_stream, stream_frame};

use super::channels::{Incoming, Version};
use super::upgrade::{Connection, Door, Handshake};
use super::{exec_spdy, exec_websocket, message};
use crate::nodes::NodeStream;
use crate::registry::{Access, Target};
use crate::rest::Call;
use crate::rest::query::Query;

const V5: &str = "v5.channel.k8s.io";
const V4: &str = "v4.channel.k8s.io";

/// The streams that the client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) stdin: bool,
    pub(super) stdout: bool,
    pub(super) stderr: bool,
    pub(super) tty: bool,
}

/// A command that runs, or a process that is attached.
pub(super) struct Running {
    pub(super) wanted: Wanted,
    pub(super) node: String,
    pub(super) stream: NodeStream,
}

#[derive(Clone, Copy)]
enum Protocol {
    Channels(Version),
    Spdy,
}

const OVER_WEBSOCKET: &[(&str, Protocol)] =
    &[(V5, Protocol::Channels(Version::V5)), (V4, Protocol::Channels(Version::V4))];
// The two differ in nothing that SPDY carries.
const OVER_SPDY: &[(&str, Protocol)] = &[(V4, Protocol::Spdy), (V5, Protocol::Spdy)];

/// Serves exec or attach.
pub(super) async fn serve(call: Call, target: Target, door: Door) -> Result<Response, Status> {
    let wanted = wanted(&call.query)?;
    let kind = kind(&call.query, target.subresource, wanted)?;
    let (name, protocol) = door.handshake.choose(match &door.handshake {
        Handshake::WebSocket { .. } => OVER_WEBSOCKET,
        Handshake::Spdy { .. } => OVER_SPDY,
    })?;
    let container = call.query.text("container");
    let access = access(&call.query, &kind, wanted);
    let place = call.state.registry.locate_container(&call.cx, access, &target, container).await?;
    let open = message(&target, place.uid, place.container, kind);
    let stream = call.state.streams.open(&place.node, open, call.cx.deadline).await?;
    let running = Running { wanted, node: place.node, stream };
    Ok(door.enter(name, move |connection| run(connection, protocol, running)))
}

async fn run(connection: Connection, protocol: Protocol, running: Running) {
    match protocol {
        Protocol::Channels(version) => exec_websocket::run(connection, version, running).await,
        Protocol::Spdy => exec_spdy::run(connection, running).await,
    }
}

/// A terminal has one output only.
fn wanted(query: &Query) -> Result<Wanted, Status> {
    let tty = query.flag("tty");
    let stderr = query.flag("stderr") && !tty;
    let wanted = Wanted { stdin: query.flag("stdin"), stdout: query.flag("stdout"), stderr, tty };
    if !(wanted.stdin || wanted.stdout || query.flag("stderr")) {
        return Err(Status::bad_request("you must specify at least 1 of stdin, stdout, stderr"));
    }
    Ok(wanted)
}

fn kind(query: &Query, subresource: Option<Subresource>, wanted: Wanted) -> Result<open_stream::Kind, Status> {
    let Wanted { stdin, tty, .. } = wanted;
    if subresource == Some(Subresource::Attach) {
        return Ok(open_stream::Kind::Attach(AttachStream { stdin, tty }));
    }
    let command = query.all("command");
    if command.is_empty() {
        return Err(Status::bad_request("you must specify at least one command for the container"));
    }
    Ok(open_stream::Kind::Exec(ExecStream { command, stdin, tty }))
}

/// What admission is told of it.
fn access(query: &Query, kind: &open_stream::Kind, wanted: Wanted) -> Access {
    let mut options = json!({"container": query.text("container"), "stdin": wanted.stdin, "stdout": wanted.stdout,
        "stderr": wanted.stderr, "tty": wanted.tty});
    match kind {
        open_stream::Kind::Exec(exec) => {
            options["command"] = json!(exec.command);
            Access::Connect("PodExecOptions", options)
        }
        _ => Access::Connect("PodAttachOptions", options),
    }
}

/// What the client says, for the node.
pub(super) fn frame(incoming: Incoming) -> Option<StreamFrame> {
    let frame = match incoming {
        Incoming::Stdin(bytes) => stream_frame::Frame::Stdin(bytes),
        Incoming::StdinClosed => stream_frame::Frame::StdinClosed(true),
        Incoming::Resize { width, height } => stream_frame::Frame::Resize(StreamSize { width, height }),
        Incoming::Nothing => return None,
    };
    Some(StreamFrame { stream_id: String::new(), frame: Some(frame) })
}
