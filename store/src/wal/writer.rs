//! The thread that writes the log.
//!
//! It takes whatever has queued up, writes it at once, syncs once, and then tells everybody: while the disk is busy
//! with one batch, the next one gathers. Nothing else writes to the segments.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};

use super::entry::{EntryId, LogEntry, SavedVote};
use super::record::{self, Kind};
use super::spares::Spares;
use super::view::Place;
use super::{Segment, Shared, WalOptions};
use crate::disk::{Disk, DiskFile, die, io_error};
use crate::error::StoreError;

/// The format's version, in the head of each segment.
pub(super) const FORMAT: u8 = 1;
/// Bytes of a head's payload: the format's version, and the size of the file, by which one that was cut off is known.
pub(super) const HEAD: usize = 9;
/// A batch takes no more requests once it has so many bytes, so that nobody waits for an endless one.
const BATCH_BYTES: usize = 4 << 20;

/// What to write.
pub(super) enum Draft {
    Entry(LogEntry),
    Vote(SavedVote),
    Committed(EntryId),
    Truncate(u64),
    Purged(EntryId),
}

/// What to do when it is on disk.
pub(super) enum Done {
    Call(Box<dyn FnOnce() + Send>),
    /// Nobody waits: it need not be synced.
    Lazy,
}

pub(super) enum Request {
    Write { drafts: Vec<Draft>, done: Done },
    Close(oneshot::Sender<()>),
}

/// Where writing goes on.
pub(super) struct Tail {
    pub(super) segment: u64,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) capacity: u64,
    pub(super) position: u64,
    /// Up to where everything is synced.
    pub(super) durable: u64,
}

pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    shared: Arc<Shared>,
    spares: Spares,
    tail: Tail,
}

impl Writer {
    /// Starts the thread; without a tail in a fresh segment.
    pub(super) fn start(
        disk: Arc<dyn Disk>,
        shared: Arc<Shared>,
        options: WalOptions,
        (next, tail): (u64, Option<Tail>),
        requests: mpsc::Receiver<Request>,
    ) -> Result<(), StoreError> {
        let dir = shared.dir.clone();
        let is_fresh = tail.is_none() && shared.segments().is_empty();
        let spares = Spares::open(disk.clone(), &dir, options.segment_bytes, shared.waits.clone(), is_fresh);
        let spares = spares.map_err(io_error("prepare log segments in", &dir))?;
        let tail = match tail {
            Some(tail) => tail,
            None => fresh(&spares, &shared, next, 0).map_err(io_error("create a log segment in", &dir))?,
        };
        let writer = Writer { disk, shared, spares, tail };
        let workers = writer.disk.workers();
        workers.start("xebec-wal", writer.run(requests)).map_err(io_error("start the writer of", &dir))
    }

    async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.recv().await {
            let (batch, closing) = gather(first, &mut requests);
            match closing {
                Some(closed) => return self.close(batch, closed).await,
                None => self.write(batch).await,
            }
        }
    }

    async fn close(mut self, mut batch: Batch, closed: oneshot::Sender<()>) {
        batch.must_sync = true;
        self.write(batch).await;
        drop(self);
        if closed.send(()).is_err() {
            tracing::debug!("nobody waits for the log to close any more");
        }
    }

    async fn write(&mut self, batch: Batch) {
        if let Err(error) = self.try_write(batch).await {
            die(&*self.disk, "write the log", &self.shared.dir, &error);
        }
    }

    async fn try_write(&mut self, batch: Batch) -> io::Result<()> {
        let room = (batch.bytes + record::room(0)) as u64;
        if self.tail.position + room > self.tail.capacity {
            self.roll(room)?;
        }
        let (buffer, places) = self.encode(&batch);
        self.tail.file.write_at(self.tail.position, &buffer)?;
        self.tail.position += buffer.len() as u64;
        self.shared.written.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        if batch.must_sync {
            self.let_the_disk_work().await;
            self.tail.file.sync()?;
            self.tail.durable = self.tail.position;
        }
        self.publish(&places);
        if let Some(purged) = batch.purged() {
            self.retire_purged(purged);
        }
        batch.done.into_iter().for_each(|done| done());
        Ok(())
    }

    /// Real disks work in the sync.
    async fn let_the_disk_work(&self) {
        let takes = self.disk.sync_takes();
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
    }

    fn encode(&self, batch: &Batch) -> (Vec<u8>, Vec<(EntryId, Place)>) {
        let mut buffer = Vec::with_capacity(batch.bytes);
        let mut places = Vec::new();
        let (segment, durable) = (self.tail.segment, self.tail.durable as u32);
        for draft in &batch.drafts {
            let offset = self.tail.position + buffer.len() as u64;
            let (kind, index, payload) = draft.parts();
            record::write(&mut buffer, segment, durable, kind, index, &payload);
            if let Draft::Entry(entry) = draft {
                places.push((entry.id, Place { segment, offset, length: payload.len() as u32 }));
            }
        }
        (buffer, places)
    }

    fn publish(&self, places: &[(EntryId, Place)]) {
        let highest = places.iter().map(|(id, _)| id.index).max();
        if let Some(segment) = self.shared.segments().get_mut(&self.tail.segment) {
            segment.highest = segment.highest.max(highest);
        }
        let mut view = self.shared.view();
        places.iter().for_each(|(id, place)| view.placed(*id, *place));
    }

    /// Closes the segment and opens the next.
    fn roll(&mut self, room: u64) -> io::Result<()> {
        let mut end = Vec::new();
        record::write(&mut end, self.tail.segment, self.tail.durable as u32, Kind::End, 0, &[]);
        self.tail.file.write_at(self.tail.position, &end)?;
        self.tail.file.sync()?;
        self.tail = fresh(&self.spares, &self.shared, self.tail.segment + 1, room)?;
        Ok(())
    }

    /// Gives up the oldest segments, as far as they hold only entries whose purge is durable.
    fn retire_purged(&self, purged: EntryId) {
        let mut segments = self.shared.segments();
        while let Some(oldest) = segments.first_entry() {
            let needed = oldest.get().highest.is_some_and(|highest| highest > purged.index);
            if needed || *oldest.key() == self.tail.segment {
                return;
            }
            let (number, _) = oldest.remove_entry();
            self.spares.retire(number);
        }
    }
}

/// Takes what has queued up, until there is enough or the log is to be closed.
fn gather(first: Request, requests: &mut mpsc::Receiver<Request>) -> (Batch, Option<oneshot::Sender<()>>) {
    let mut batch = Batch::default();
    let mut closing = batch.take(first);
    while closing.is_none() && batch.bytes < BATCH_BYTES {
        let Ok(next) = requests.try_recv() else { break };
        closing = batch.take(next);
    }
    (batch, closing)
}

/// Opens a fresh segment. Its head repeats what must not be lost with the segments before it, and is synced before
/// any of those can be removed.
fn fresh(spares: &Spares, shared: &Shared, number: u64, room: u64) -> io::Result<Tail> {
    let repeated = {
        let view = shared.view();
        [view.vote.map(Draft::Vote), view.purged.map(Draft::Purged), view.committed.map(Draft::Committed)]
    };
    let head_room: usize = record::room(HEAD) + repeated.iter().flatten().map(Draft::room).sum::<usize>();
    let file = spares.take(number, room + head_room as u64)?;
    let capacity = file.length()?;
    let mut head = Vec::with_capacity(head_room);
    record::write(&mut head, number, 0, Kind::Head, 0, &head_payload(capacity));
    for (kind, index, payload) in repeated.iter().flatten().map(Draft::parts) {
        record::write(&mut head, number, 0, kind, index, &payload);
    }
    file.write_at(0, &head)?;
    file.sync()?;
    shared.segments().insert(number, Segment { file: file.clone(), highest: None });
    let position = head.len() as u64;
    Ok(Tail { segment: number, capacity, file, position, durable: position })
}

fn head_payload(capacity: u64) -> [u8; HEAD] {
    let mut payload = [FORMAT; HEAD];
    payload[1..].copy_from_slice(&capacity.to_le_bytes());
    payload
}

/// Requests that are written and synced together.
#[derive(Default)]
struct Batch {
    drafts: Vec<Draft>,
    done: Vec<Box<dyn FnOnce() + Send>>,
    bytes: usize,
    must_sync: bool,
}

impl Batch {
    /// Adds a request; one to close the log is given back.
    fn take(&mut self, request: Request) -> Option<oneshot::Sender<()>> {
        match request {
            Request::Write { drafts, done } => {
                self.add(drafts, done);
                None
            }
            Request::Close(closed) => Some(closed),
        }
    }

    /// The highest purge among them.
    fn purged(&self) -> Option<EntryId> {
        let purges =
            self.drafts.iter().filter_map(|draft| if let Draft::Purged(id) = draft { Some(*id) } else { None });
        purges.max()
    }

    fn add(&mut self, drafts: Vec<Draft>, done: Done) {
        self.bytes += drafts.iter().map(Draft::room).sum::<usize>();
        self.drafts.extend(drafts);
        if let Done::Call(done) = done {
            self.done.push(done);
            self.must_sync = true;
        }
    }
}

impl Draft {
    fn parts(&self) -> (Kind, u64, Vec<u8>) {
        match self {
            Draft::Entry(entry) => (Kind::Entry, entry.id.index, entry.encode()),
            Draft::Vote(vote) => (Kind::Vote, 0, vote.encode().to_vec()),
            Draft::Committed(id) => (Kind::Committed, id.index, id.encode().to_vec()),
            Draft::Truncate(index) => (Kind::Truncate, *index, Vec::new()),
            Draft::Purged(id) => (Kind::Purged, id.index, id.encode().to_vec()),
        }
    }

    fn room(&self) -> usize {
        match self {
            Draft::Entry(entry) => record::room(16 + entry.body.len()),
            Draft::Vote(_) | Draft::Committed(_) | Draft::Purged(_) => record::room(24),
            Draft::Truncate(_) => record::room(0),
        }
    }
}
