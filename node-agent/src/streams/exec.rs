//! Serves a command in a container.

use std::sync::Arc;

use tokio::sync::mpsc;
use xebec_api::status::Status;
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{ExecStream, StreamFrame};

use super::{Client, Gone};
use crate::containerd::{ExecInput, ExecOutput, ExecSession, ExecSpec};
use crate::images::chain;
use crate::node::Node;
use crate::pods::PodView;

pub(super) async fn serve(
    node: &Arc<Node>,
    view: &PodView,
    container: &str,
    wanted: &ExecStream,
    client: &Client,
    input: mpsc::Receiver<StreamFrame>,
) -> Result<(), Gone> {
    let id = view.observed.borrow().container(container).running().map(|running| running.id.clone());
    let Some(id) = id else {
        let message = format!("container \"{container}\" is not running");
        return client.fail(&Status::bad_request(message)).await;
    };
    let spec = ExecSpec { command: wanted.command.clone(), stdin: wanted.stdin, tty: wanted.tty };
    match node.runtime.exec(&id, &spec).await {
        Ok(session) => relay(session, client, input).await,
        Err(error) => client.fail(&Status::internal(chain(&error))).await,
    }
}

/// Moves frames both ways until the command has ended or the client has gone.
async fn relay(session: ExecSession, client: &Client, mut input: mpsc::Receiver<StreamFrame>) -> Result<(), Gone> {
    let ExecSession { input: to_command, mut output } = session;
    let feed = async {
        while let Some(frame) = input.recv().await {
            let Some(sent) = frame.frame.and_then(for_command) else { continue };
            if to_command.send(sent).await.is_err() {
                break;
            }
        }
        // The client sends nothing more; what the command still says is waited for.
        std::future::pending::<()>().await;
    };
    let answer = async {
        while let Some(said) = output.recv().await {
            let frame = match said {
                ExecOutput::Stdout(bytes) => Frame::Stdout(bytes),
                ExecOutput::Stderr(bytes) => Frame::Stderr(bytes),
                ExecOutput::Exited(code) => Frame::ExitCode(code),
            };
            client.send(frame).await?;
        }
        Ok(())
    };
    tokio::select! {
        () = feed => Ok(()),
        () = client.gone() => Err(Gone),
        answered = answer => answered,
    }
}

fn for_command(frame: Frame) -> Option<ExecInput> {
    match frame {
        Frame::Stdin(bytes) => Some(ExecInput::Stdin(bytes)),
        Frame::StdinClosed(_) => Some(ExecInput::StdinClosed),
        Frame::Resize(size) => Some(ExecInput::Resize { width: size.width, height: size.height }),
        _ => None,
    }
}
