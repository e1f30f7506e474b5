//! The state as a stream of parts, with its length and checksum at the end.

use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use xebec_proto::v1::{SnapshotEnd, SnapshotPart};
use xebec_store::Store;

/// Parts on their way; at this bound the state waits for its reader.
const PARTS: usize = 4;
/// A reader that takes no part for so long is gone.
const PATIENCE: Duration = Duration::from_secs(60);

type Parts = mpsc::Sender<Result<SnapshotPart, Status>>;

/// Begins.
pub(super) fn parts(store: &Store) -> ReceiverStream<Result<SnapshotPart, Status>> {
    let (parts, reader) = mpsc::channel(PARTS);
    let revision = store.state().revision();
    let chunks = store.export();
    tokio::spawn(async move {
        if send(chunks, revision, &parts).await.is_none() {
            tracing::info!("whoever took an export of the state is gone");
        }
    });
    ReceiverStream::new(reader)
}

async fn send(mut chunks: mpsc::Receiver<std::io::Result<Bytes>>, revision: u64, parts: &Parts) -> Option<()> {
    let (mut bytes, mut sum) = (0, Sha256::new());
    while let Some(chunk) = chunks.recv().await {
        let part = chunk.map(|data| {
            bytes += data.len() as u64;
            sum.update(&data);
            SnapshotPart { data, end: None }
        });
        let part = part.map_err(|error| Status::internal(format!("the state cannot be read: {error}")));
        parts.send_timeout(part, PATIENCE).await.ok()?;
    }
    let end = SnapshotEnd { bytes, sha256: sum.finalize().to_vec().into(), revision };
    parts.send_timeout(Ok(SnapshotPart { data: Bytes::new(), end: Some(end) }), PATIENCE).await.ok()
}
