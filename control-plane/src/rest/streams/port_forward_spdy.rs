//! Ports forwarded over SPDY: for each connection the client begins two streams with the same request id, one for errors, one
//! for data.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::Instant;
use xebec_proto::v1::StreamFrame;
use xebec_proto::v1::stream_frame::Frame;

use super::port_forward::{Heard, Pod, port};
use super::spdy::{self, Output, Piece, Stream};
use crate::nodes::NodeStream;

/// Connections at once; as many streams as a node serves.
const MAX_CONNECTIONS: usize = 128;
/// Streams that wait for their other half, and for how long.
const MAX_HALVES: usize = 64;
const HALF: Duration = Duration::from_secs(30);

/// Forwards connections until the client has gone.
pub(super) async fn run(reader: impl AsyncRead + Send + Unpin, writer: impl AsyncWrite + Send + Unpin, pod: &Pod) {
    spdy::run(reader, writer, |streams| accept(streams, pod)).await;
}

async fn accept(mut streams: mpsc::Receiver<Stream>, pod: &Pod) {
    let (mut halves, mut connections) = (Halves::default(), FuturesUnordered::new());
    loop {
        let stream = tokio::select! {
            stream = streams.recv() => stream,
            Some(()) = connections.next() => continue,
        };
        let Some(stream) = stream else { return };
        match halves.join(stream) {
            Ok(Some(pair)) => connections.push(forward(pair, pod, connections.len() < MAX_CONNECTIONS)),
            Ok(None) => {}
            Err(output) => output.reset().await,
        }
    }
}

/// Both streams of a connection.
struct Pair {
    port: u16,
    data: Stream,
    errors: Output,
}

/// Streams whose other half has not come.
#[derive(Default)]
struct Halves(BTreeMap<String, (Instant, Stream)>);

impl Halves {
    /// Takes a stream; gives it back with its other half if that is here already, and gives back what makes no sense.
    fn join(&mut self, stream: Stream) -> Result<Option<Pair>, Output> {
        let text = |name: &str| stream.headers.get(name).cloned().unwrap_or_default();
        let (id, kind) = (text("requestid"), text("streamtype"));
        let Some(port) = port(&text("port")) else { return Err(stream.output) };
        if !matches!(kind.as_str(), "data" | "error") {
            return Err(stream.output);
        }
        let now = Instant::now();
        self.0.retain(|_, (since, _)| now - *since < HALF);
        match self.0.remove(&id) {
            Some((_, other)) if other.headers.get("streamtype") == Some(&kind) => Err(stream.output),
            Some((_, other)) if kind == "data" => Ok(Some(Pair { port, data: stream, errors: other.output })),
            Some((_, other)) => Ok(Some(Pair { port, data: other, errors: stream.output })),
            None if self.0.len() >= MAX_HALVES => Err(stream.output),
            None => {
                self.0.insert(id, (now, stream));
                Ok(None)
            }
        }
    }
}

async fn forward(pair: Pair, pod: &Pod, has_room: bool) {
    let Pair { port, mut data, errors } = pair;
    let carried = match has_room {
        true => carry(port, &mut data, pod).await,
        false => Err(format!("more than {MAX_CONNECTIONS} connections are forwarded already")),
    };
    if let Err(failure) = carried {
        tracing::debug!(port, failure, "a connection was not forwarded");
        errors.send(Bytes::from(failure)).await;
    }
    data.output.finish().await;
    errors.finish().await;
}

async fn carry(port: u16, data: &mut Stream, pod: &Pod) -> Result<(), String> {
    let NodeStream { input, mut output } = pod.connect(port).await.map_err(|status| status.message)?;
    let (from_client, to_client) = (&mut data.input, &data.output);
    let there = async {
        while let Some(piece) = from_client.recv().await {
            let is_over = piece == Piece::Fin;
            if input.send(frame(piece)).await.is_err() || is_over {
                // The pod may still have something to say.
                return std::future::pending().await;
            }
        }
    };
    let back = async {
        let mut is_taken = true;
        while is_taken {
            match pod.heard(output.recv().await) {
                Heard::Data(bytes) => is_taken = to_client.send(bytes).await,
                Heard::Closed => return Ok(()),
                Heard::Failed(failure) => return Err(failure),
            }
        }
        Ok(())
    };
    tokio::select! {
        () = there => Ok(()),
        ended = back => ended,
    }
}

fn frame(piece: Piece) -> StreamFrame {
    let frame = match piece {
        Piece::Data(bytes) => Frame::Stdin(bytes),
        Piece::Fin => Frame::StdinClosed(true),
    };
    StreamFrame { stream_id: String::new(), frame: Some(frame) }
}
