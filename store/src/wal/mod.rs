//! The write-ahead log: what makes an acknowledged write survive.
//!
//! ```text
//!  append, vote, truncate, purge ──► queue (bounded) ──► writer thread ── write, fdatasync ──► done()
//!        │ at once                                            │ one sync for all that queued up meanwhile
//!        ▼                                                    ▼
//!      View (what readers see) ◄──────────── places ──── segments on disk
//! ```
//!
//! All writes go through one queue and one thread, in order: votes, entries, truncations and purges can not overtake
//! each other. The queue is bounded; at the bound the consensus core waits, and so do proposals.
//!
//! An error of the disk while writing ends the process (`disk::die`): no caller is ever told of a write that failed,
//! and none is told of one that may have.

mod entry;
mod record;
mod recover;
mod segment;
mod spares;
#[cfg(test)]
mod tests;
mod view;
mod writer;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

pub(crate) use entry::{EntryId, LogEntry, SavedVote};

use crate::disk::{Disk, DiskFile};
use crate::error::StoreError;
use view::{Lookup, Place, View};
use writer::{Done, Draft, Request, Writer};

/// Requests that may wait for the writer. Each is a batch of the consensus core, which has few under way.
const QUEUE: usize = 4096;
/// A writer that has not ended by then waits for space, and has promised nothing that it did not write.
const CLOSING: Duration = Duration::from_secs(5);

/// Bounds of a log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WalOptions {
    /// Size of a segment file.
    pub(crate) segment_bytes: u64,
    /// Newest entries kept in memory, in bytes.
    pub(crate) cache_bytes: usize,
}

/// The log. Clones share it.
#[derive(Clone)]
pub(crate) struct Wal {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Request>,
}

/// What readers and the writer have in common.
struct Shared {
    dir: PathBuf,
    view: Mutex<View>,
    segments: Mutex<BTreeMap<u64, Segment>>,
    /// Bytes appended since the start.
    written: AtomicU64,
    /// The next segment cannot be made for want of space.
    waits: Arc<AtomicBool>,
}

/// A segment on disk.
#[derive(Clone)]
struct Segment {
    file: Arc<dyn DiskFile>,
    /// The highest index of an entry ever written to it.
    highest: Option<u64>,
}

/// Where a log begins and ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) purged: Option<EntryId>,
    pub(crate) last: Option<EntryId>,
}

impl Wal {
    /// Recovers what the directory holds and starts the writer.
    pub(crate) fn open(disk: Arc<dyn Disk>, dir: &Path, options: WalOptions) -> Result<Wal, StoreError> {
        let recovered = recover::recover(&*disk, dir, options)?;
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            view: Mutex::new(recovered.view),
            segments: Mutex::new(recovered.segments),
            written: AtomicU64::new(0),
            waits: Arc::default(),
        });
        let (queue, requests) = mpsc::channel(QUEUE);
        Writer::start(disk, shared.clone(), options, recovered.tail, requests)?;
        Ok(Wal { shared, queue })
    }

    /// Adds entries; readers see them when this returns, `done` is called once they are on disk.
    pub(crate) async fn append(&self, entries: Vec<LogEntry>, done: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.show(&entries)?;
        let drafts = entries.into_iter().map(Draft::Entry).collect();
        self.send(drafts, Done::Call(Box::new(done))).await
    }

    /// Lets readers see entries.
    fn show(&self, entries: &[LogEntry]) -> io::Result<()> {
        let mut view = self.view();
        for entry in entries {
            let index = entry.id.index;
            if !view.follows(index) {
                return Err(io::Error::other(format!("entry {index} would leave a hole in the log")));
            }
            view.push(entry.clone(), None);
        }
        Ok(())
    }

    /// Saves the vote, durably.
    pub(crate) async fn save_vote(&self, vote: SavedVote) -> io::Result<()> {
        self.view().vote = Some(vote);
        self.write(Draft::Vote(vote)).await
    }

    /// Notes how far the log is committed. Not durable by itself; the next durable write takes it along.
    pub(crate) async fn save_committed(&self, id: EntryId) -> io::Result<()> {
        self.view().committed = Some(id);
        self.send(vec![Draft::Committed(id)], Done::Lazy).await
    }

    /// Drops all entries from `index` on, durably.
    pub(crate) async fn truncate(&self, index: u64) -> io::Result<()> {
        self.view().truncate(index);
        self.write(Draft::Truncate(index)).await
    }

    /// Drops all entries up to `id`, durably, and the segments that held nothing else.
    pub(crate) async fn purge(&self, id: EntryId) -> io::Result<()> {
        self.view().purge(id);
        self.write(Draft::Purged(id)).await
    }

    /// The entries from `start` to before `end`: as many as are kept, or as fit into `max_bytes` (but one at least).
    pub(crate) fn read(&self, start: u64, end: u64, max_bytes: usize) -> io::Result<Vec<LogEntry>> {
        let found = self.view().lookup(start, end, max_bytes);
        found.into_iter().map(|lookup| self.fetch(lookup)).collect()
    }

    pub(crate) fn vote(&self) -> Option<SavedVote> {
        self.view().vote
    }

    pub(crate) fn committed(&self) -> Option<EntryId> {
        self.view().committed
    }

    pub(crate) fn extent(&self) -> Extent {
        let view = self.view();
        Extent { purged: view.purged, last: view.last() }
    }

    /// Bytes appended since the log was opened.
    pub(crate) fn written(&self) -> u64 {
        self.shared.written.load(Ordering::Relaxed)
    }

    /// Whether the next segment cannot be made for want of space.
    pub(crate) fn waits_for_space(&self) -> bool {
        self.shared.waits.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    fn segment_count(&self) -> usize {
        self.shared.segments().len()
    }

    /// Writes what is queued, syncs it, and ends the writer. Later writes fail.
    pub(crate) async fn close(&self) {
        let (closed, wait) = oneshot::channel();
        let closing = async { self.queue.send(Request::Close(closed)).await.is_ok() && wait.await.is_err() };
        match tokio::time::timeout(CLOSING, closing).await {
            Ok(false) => {}
            Ok(true) => tracing::warn!("the log's writer ended before it was asked to"),
            Err(_) => tracing::warn!("the log's writer does not end: it waits for the disk"),
        }
    }

    /// Waits until all that was written before is durable. A state must not get to disk before the entries that led to it: after
    /// a power cut it would stand beside a log that ends too early, or differently.
    pub(crate) async fn settle(&self) -> io::Result<()> {
        self.write_all(Vec::new()).await
    }

    async fn write(&self, draft: Draft) -> io::Result<()> {
        self.write_all(vec![draft]).await
    }

    async fn write_all(&self, drafts: Vec<Draft>) -> io::Result<()> {
        let (done, wait) = oneshot::channel();
        let notify = move || {
            if done.send(()).is_err() {
                tracing::debug!("nobody waits for a write of the log any more");
            }
        };
        self.send(drafts, Done::Call(Box::new(notify))).await?;
        wait.await.map_err(|_| closed())
    }

    async fn send(&self, drafts: Vec<Draft>, done: Done) -> io::Result<()> {
        self.queue.send(Request::Write { drafts, done }).await.map_err(|_| closed())
    }

    fn fetch(&self, lookup: Lookup) -> io::Result<LogEntry> {
        match lookup {
            Lookup::Cached(entry) => Ok(entry),
            Lookup::OnDisk(place) => self.shared.read_place(place),
        }
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.shared.view()
    }
}

impl Shared {
    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn segments(&self) -> MutexGuard<'_, BTreeMap<u64, Segment>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads an entry back and checks it again: what was good when written may have rotted.
    fn read_place(&self, place: Place) -> io::Result<LogEntry> {
        let file = self.segments().get(&place.segment).map(|segment| segment.file.clone());
        let file = file.ok_or_else(purged_meanwhile)?;
        let mut bytes = vec![0; record::HEADER + place.length as usize];
        file.read_at(place.offset, &mut bytes)?;
        let found = record::read(place.segment, &bytes, 0);
        let entry = found.and_then(|found| LogEntry::decode(found.index, found.payload));
        entry.ok_or_else(|| {
            // Its file may be another segment's by now.
            if !self.segments().contains_key(&place.segment) {
                return purged_meanwhile();
            }
            let path = segment::path(&self.dir, place.segment);
            let reason = format!("{} is damaged at offset {}", path.display(), place.offset);
            io::Error::new(io::ErrorKind::InvalidData, reason)
        })
    }
}

fn purged_meanwhile() -> io::Error {
    io::Error::other("the entry was purged while it was read")
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the log is closed")
}
