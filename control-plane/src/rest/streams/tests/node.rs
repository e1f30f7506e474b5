//! A node without containers: commands run on this machine, ports are those of this machine.

use std::process::Stdio;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::Instant;
use xebec_api::Status;
use xebec_proto::v1::open_stream::Kind;
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{ExecStream, OpenStream, StreamFrame};

use crate::nodes::{NodeStream, NodeStreams};

const QUEUE: usize = 4;

pub(super) struct LocalNode;

type ToClient = mpsc::Sender<StreamFrame>;
type FromClient = mpsc::Receiver<StreamFrame>;

#[async_trait]
impl NodeStreams for LocalNode {
    async fn open(&self, _node: &str, open: OpenStream, _deadline: Instant) -> Result<NodeStream, Status> {
        let (input, from_client) = mpsc::channel(QUEUE);
        let (to_client, output) = mpsc::channel(QUEUE);
        match open.kind {
            Some(Kind::Exec(exec)) => drop(tokio::spawn(command(exec, from_client, to_client))),
            Some(Kind::Attach(_)) => drop(tokio::spawn(echo(from_client, to_client))),
            Some(Kind::PortForward(forward)) => {
                let port = u16::try_from(forward.port).unwrap();
                drop(tokio::spawn(connection(port, from_client, to_client)));
            }
            _ => return Err(Status::bad_request("nothing of the kind")),
        }
        Ok(NodeStream { input, output })
    }
}

fn frame(frame: Frame) -> StreamFrame {
    StreamFrame { stream_id: String::new(), frame: Some(frame) }
}

async fn command(exec: ExecStream, from_client: FromClient, to_client: ToClient) {
    let mut command = Command::new(&exec.command[0]);
    command.args(&exec.command[1..]).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let json = Status::bad_request(format!("cannot run it: {error}")).to_json().to_string();
            to_client.send(frame(Frame::ErrorJson(json.into()))).await.ok();
            return;
        }
    };
    let (stdin, stdout, stderr) =
        (child.stdin.take().unwrap(), child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let feeding = tokio::spawn(feed(from_client, stdin));
    tokio::join!(pump(stdout, &to_client, Frame::Stdout), pump(stderr, &to_client, Frame::Stderr));
    let code = child.wait().await.unwrap().code().unwrap_or(137);
    to_client.send(frame(Frame::ExitCode(code))).await.ok();
    feeding.abort();
}

async fn feed(mut from_client: FromClient, mut stdin: impl AsyncWrite + Unpin) {
    while let Some(StreamFrame { frame: Some(Frame::Stdin(bytes)), .. }) = from_client.recv().await {
        if stdin.write_all(&bytes).await.is_err() {
            return;
        }
    }
    stdin.shutdown().await.ok();
}

async fn pump(mut from: impl AsyncRead + Unpin, to_client: &ToClient, wrap: fn(Bytes) -> Frame) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to_client.send(frame(wrap(Bytes::copy_from_slice(&buffer[..count])))).await.is_err() {
            return;
        }
    }
}

async fn echo(mut from_client: FromClient, to_client: ToClient) {
    to_client.send(frame(Frame::Stdout(Bytes::from_static(b"attached\n")))).await.ok();
    while let Some(StreamFrame { frame: Some(Frame::Stdin(bytes)), .. }) = from_client.recv().await {
        to_client.send(frame(Frame::Stdout(bytes))).await.ok();
    }
    to_client.send(frame(Frame::End(true))).await.ok();
}

async fn connection(port: u16, from_client: FromClient, to_client: ToClient) {
    let stream = match TcpStream::connect(("127.0.0.1", port)).await {
        Ok(stream) => stream,
        Err(error) => {
            let json = Status::bad_request(format!("cannot connect to port {port}: {error}")).to_json().to_string();
            to_client.send(frame(Frame::ErrorJson(json.into()))).await.ok();
            return;
        }
    };
    let (reader, writer) = stream.into_split();
    let feeding = tokio::spawn(feed(from_client, writer));
    pump(reader, &to_client, Frame::Stdout).await;
    to_client.send(frame(Frame::End(true))).await.ok();
    feeding.abort();
}
