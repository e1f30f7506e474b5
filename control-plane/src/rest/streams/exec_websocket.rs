//! A command over the channels of a WebSocket.

use bytes::Bytes;
use futures::Stream;
use tokio::sync::mpsc;
use xebec_proto::v1::StreamFrame;

use super::channels::{self, ChannelError, Version};
use super::exec::{Running, Wanted, frame};
use super::outcome::{Said, said};
use super::upgrade::Connection;
use super::websocket;
use crate::nodes::NodeStream;

/// Carries the command's streams until it has ended or the client has gone.
pub(super) async fn run(connection: Connection, version: Version, running: Running) {
    let Running { wanted, node, stream: NodeStream { input, output } } = running;
    let incoming = ToCommand { version, input };
    websocket::run(connection, incoming, from_command(output, node, wanted)).await;
}

struct ToCommand {
    version: Version,
    input: mpsc::Sender<StreamFrame>,
}

impl websocket::Incoming for ToCommand {
    async fn take(&mut self, message: Bytes) -> Result<(), ChannelError> {
        if let Some(frame) = frame(channels::read(self.version, message)?) {
            // A command that has ended reads no more; what it said is still on its way.
            self.input.send(frame).await.ok();
        }
        Ok(())
    }
}

fn from_command(output: mpsc::Receiver<StreamFrame>, node: String, wanted: Wanted) -> impl Stream<Item = Bytes> + Send {
    futures::stream::unfold(Some((output, node)), move |open| async move {
        let (mut output, node) = open?;
        loop {
            let message = match said(output.recv().await, &node) {
                Said::Stdout(bytes) if wanted.stdout => channels::write(channels::STDOUT, &bytes),
                Said::Stderr(bytes) if wanted.stderr => channels::write(channels::STDERR, &bytes),
                Said::Stdout(_) | Said::Stderr(_) => continue,
                Said::Ended(status) => return Some((channels::write(channels::STATUS, &status), None)),
            };
            return Some((message, Some((output, node))));
        }
    })
}
