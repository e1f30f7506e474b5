//! The state as a stream of bytes.
//!
//! A thread of the blocking pool writes, the reader takes; a reader that goes away ends it. A state does not change
//! while it is written: it is a clone that cost nothing.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::raft::Image;
use crate::snapshot::file;

/// Chunks on their way; at this bound the writer waits for the reader.
const CHUNKS: usize = 4;
const CHUNK_BYTES: usize = 256 << 10;

/// Begins.
pub(crate) fn export(image: Arc<Image>, cluster_id: &str) -> mpsc::Receiver<io::Result<Bytes>> {
    let (chunks, reader) = mpsc::channel(CHUNKS);
    let cluster_id = cluster_id.to_owned();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = write(&image, &cluster_id, &chunks) {
            tracing::debug!(%error, "an export ended early");
        }
    });
    reader
}

fn write(image: &Image, cluster_id: &str, chunks: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
    let mut chunk = Vec::with_capacity(CHUNK_BYTES);
    file::write(image, cluster_id, &mut |bytes| {
        chunk.extend_from_slice(bytes);
        if chunk.len() >= CHUNK_BYTES {
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK_BYTES));
            chunks.blocking_send(Ok(full.into())).map_err(|_| gone())?;
        }
        Ok(())
    })?;
    chunks.blocking_send(Ok(chunk.into())).map_err(|_| gone())
}
