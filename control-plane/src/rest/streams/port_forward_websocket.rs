//! Ports forwarded over the channels of a WebSocket: one connection to each port, two channels a port.
//!
//! Channels cannot be closed one by one; the session ends when the pod has closed all connections, or with its client.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use xebec_api::Status;
use xebec_proto::v1::StreamFrame;
use xebec_proto::v1::stream_frame::Frame;

use super::channels::{self, ChannelError};
use super::port_forward::{Heard, Pod};
use super::upgrade::Connection;
use super::websocket;
use crate::nodes::NodeStream;

/// Forwards the ports until the client has gone or all connections are closed.
pub(super) async fn run(connection: Connection, pod: &Pod, ports: &[u16]) {
    let opened = futures::future::join_all(ports.iter().map(|port| pod.connect(*port))).await;
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for (place, (port, opened)) in (0_u8..).zip(ports.iter().zip(opened)) {
        let (input, output) = halves(opened);
        inputs.push(input);
        outputs.push(said(Channels { data: 2 * place, port: *port }, output, pod).boxed());
    }
    websocket::run(connection, ToPorts(inputs), futures::stream::select_all(outputs)).await;
}

/// Both directions of a connection, or why there is none.
type Output = Result<mpsc::Receiver<StreamFrame>, String>;

fn halves(opened: Result<NodeStream, Status>) -> (Option<mpsc::Sender<StreamFrame>>, Output) {
    match opened {
        Ok(NodeStream { input, output }) => (Some(input), Ok(output)),
        Err(status) => (None, Err(status.message)),
    }
}

/// Clients' messages, by the place of their port.
struct ToPorts(Vec<Option<mpsc::Sender<StreamFrame>>>);

impl websocket::Incoming for ToPorts {
    async fn take(&mut self, message: Bytes) -> Result<(), ChannelError> {
        let Some((channel, bytes)) = channels::split(message) else { return Ok(()) };
        let input = self.0.get(usize::from(channel / 2)).ok_or(ChannelError::NoChannel(channel))?;
        // Nothing is read from error channels.
        if let Some(input) = input
            && channel % 2 == 0
        {
            let frame = StreamFrame { stream_id: String::new(), frame: Some(Frame::Stdin(bytes)) };
            // A connection that is closed takes nothing more.
            input.send(frame).await.ok();
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Channels {
    data: u8,
    port: u16,
}

/// What a port says: first its number on both channels.
fn said(channels: Channels, output: Output, pod: &Pod) -> impl Stream<Item = Bytes> + Send {
    let Channels { data, port } = channels;
    let greeting = [data, data + 1].map(|channel| channels::write(channel, &port.to_le_bytes()));
    let rest = futures::stream::unfold(Some(output), move |output| async move {
        let heard = match output? {
            Err(failure) => (Heard::Failed(failure), None),
            Ok(mut output) => (pod.heard(output.recv().await), Some(Ok(output))),
        };
        match heard {
            (Heard::Data(bytes), output) => Some((channels::write(data, &bytes), output)),
            (Heard::Failed(failure), _) => Some((channels::write(data + 1, failure.as_bytes()), None)),
            (Heard::Closed, _) => None,
        }
    });
    futures::stream::iter(greeting).chain(rest)
}
