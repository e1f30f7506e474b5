//! A command over SPDY: one stream for each of its own, one for sizes of the terminal, one for the Status at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use xebec_proto::v1::StreamFrame;

use super::channels::{self, Incoming};
use super::exec::{Running, Wanted, frame};
use super::outcome::{Said, said};
use super::spdy::{self, Output, Piece, Stream};
use super::upgrade::Connection;
use crate::nodes::NodeStream;

/// For the client to begin its streams, each of which costs it a round trip.
const BEGIN: Duration = Duration::from_secs(30);

/// Streams by their type.
type ByType = BTreeMap<String, Stream>;

/// Carries the command's streams until it has ended or the client has gone.
pub(super) async fn run(connection: Connection, running: Running) {
    let (reader, writer) = tokio::io::split(connection);
    spdy::run(reader, writer, |streams| carry(streams, running)).await;
}

async fn carry(streams: mpsc::Receiver<Stream>, running: Running) {
    let Running { wanted, node, stream: NodeStream { input, output } } = running;
    let Ok(Some(mut streams)) = tokio::time::timeout(BEGIN, gather(streams, wanted)).await else {
        return tracing::debug!("a client did not begin the streams that it asked for");
    };
    let (stdin, sizes) = (streams.remove("stdin"), streams.remove("resize"));
    let feed = async {
        futures::future::join(feed(stdin, &input), resize(sizes, &input)).await;
        // Nothing more to say to the command; what it says is waited for.
        std::future::pending::<()>().await;
    };
    let outputs = Outputs {
        stdout: streams.remove("stdout").map(|stream| stream.output),
        stderr: streams.remove("stderr").map(|stream| stream.output),
        status: streams.remove("error").map(|stream| stream.output),
    };
    tokio::select! {
        () = feed => {}
        () = answer(output, &node, outputs) => {}
    }
}

/// Waits for every stream that the request has promised. `None`: the client has gone.
async fn gather(mut begun: mpsc::Receiver<Stream>, wanted: Wanted) -> Option<ByType> {
    let promised = [
        ("error", true),
        ("stdin", wanted.stdin),
        ("stdout", wanted.stdout),
        ("stderr", wanted.stderr),
        ("resize", wanted.tty),
    ];
    let mut streams = ByType::new();
    while promised.iter().any(|(kind, wanted)| *wanted && !streams.contains_key(*kind)) {
        let stream = begun.recv().await?;
        let kind = stream.headers.get("streamtype").cloned().unwrap_or_default();
        if promised.iter().any(|(promised, wanted)| *wanted && *promised == kind) {
            streams.insert(kind, stream);
        } else {
            stream.output.reset().await;
        }
    }
    Some(streams)
}

async fn feed(stdin: Option<Stream>, input: &mpsc::Sender<StreamFrame>) {
    let Some(mut stdin) = stdin else { return };
    while let Some(Piece::Data(bytes)) = stdin.input.recv().await {
        if !send(input, Incoming::Stdin(bytes)).await {
            // A command that has ended reads no more, but its client must not be held up.
            stdin.input.close();
        }
    }
    send(input, Incoming::StdinClosed).await;
}

async fn resize(sizes: Option<Stream>, input: &mpsc::Sender<StreamFrame>) {
    let Some(mut sizes) = sizes else { return };
    while let Some(Piece::Data(json)) = sizes.input.recv().await {
        if let Ok(size) = channels::size(&json) {
            send(input, size).await;
        }
    }
}

async fn send(input: &mpsc::Sender<StreamFrame>, incoming: Incoming) -> bool {
    match frame(incoming) {
        Some(frame) => input.send(frame).await.is_ok(),
        None => true,
    }
}

struct Outputs {
    stdout: Option<Output>,
    stderr: Option<Output>,
    status: Option<Output>,
}

async fn answer(mut output: mpsc::Receiver<StreamFrame>, node: &str, outputs: Outputs) {
    let status = loop {
        let (to, bytes) = match said(output.recv().await, node) {
            Said::Stdout(bytes) => (&outputs.stdout, bytes),
            Said::Stderr(bytes) => (&outputs.stderr, bytes),
            Said::Ended(status) => break status,
        };
        if let Some(to) = to
            && !to.send(bytes).await
        {
            return;
        }
    };
    // The client waits for the end of the outputs before it reads the Status.
    for output in [&outputs.stdout, &outputs.stderr].into_iter().flatten() {
        output.finish().await;
    }
    if let Some(to) = &outputs.status {
        to.send(status).await;
        to.finish().await;
    }
}
