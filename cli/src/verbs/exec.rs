//! `xebec exec`: a command in a container, its exit code ours.

mod terminal;

use std::process::ExitCode;

use anyhow::{Context, Result};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use xebec_proto::v1::exec_input::Input;
use xebec_proto::v1::exec_output::Output;
use xebec_proto::v1::{ExecInput, ExecOpen};

use super::pod_name;
use crate::args::{Connection, ExecArguments};
use crate::client::Session;
use crate::print;

/// Frames on their way to the cluster; a reader of standard input waits when it is full.
const QUEUE: usize = 16;
const CHUNK: usize = 32 * 1024;

/// Runs it.
pub(crate) async fn run(connection: &Connection, arguments: ExecArguments) -> Result<ExitCode> {
    let session = Session::open(connection).await?;
    let open = ExecOpen {
        namespace: session.namespace().to_owned(),
        pod: pod_name(&arguments.pod)?.to_owned(),
        container: arguments.container.unwrap_or_default(),
        command: arguments.command,
        stdin: arguments.stdin,
        tty: arguments.tty,
    };
    let (input, frames) = mpsc::channel(QUEUE);
    send(&input, Input::Open(open)).await?;
    let _raw = if arguments.tty && arguments.stdin { terminal::Raw::enter()? } else { None };
    if arguments.tty {
        tokio::spawn(terminal::follow_size(input.clone()));
    }
    if arguments.stdin {
        tokio::spawn(pump(input));
    }
    let mut output = session.objects().exec(ReceiverStream::new(frames)).await?.into_inner();
    while let Some(frame) = output.next().await {
        if let Some(code) = show(frame?.output)? {
            return Ok(code);
        }
    }
    anyhow::bail!("the stream ended before the command did")
}

async fn send(input: &mpsc::Sender<ExecInput>, frame: Input) -> Result<()> {
    input.send(ExecInput { input: Some(frame) }).await.context("the stream is closed")
}

/// Standard input to the container, until one of both ends.
async fn pump(input: mpsc::Sender<ExecInput>) -> Result<()> {
    let mut stdin = tokio::io::stdin();
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = stdin.read(&mut buffer).await.context("read standard input")?;
        if length == 0 {
            return send(&input, Input::StdinClosed(true)).await;
        }
        send(&input, Input::Stdin(buffer[..length].to_vec().into())).await?;
    }
}

/// `Some`: the command has ended.
fn show(frame: Option<Output>) -> Result<Option<ExitCode>> {
    match frame {
        Some(Output::Stdout(bytes)) => print::raw(&bytes).map(|()| None),
        Some(Output::Stderr(bytes)) => {
            std::io::Write::write_all(&mut std::io::stderr(), &bytes)?;
            Ok(None)
        }
        Some(Output::ExitCode(code)) => Ok(Some(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))),
        None => Ok(None),
    }
}
