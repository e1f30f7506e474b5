//! Spares: how the next segment is ready before it is needed, and what becomes of purged ones.
//!
//! A spare is a file of a segment's size whose blocks are allocated and synced, so that appending to it changes no
//! metadata and `fdatasync` has only data to write. Purged segments become spares as they are: what they hold is not
//! taken for records of a later segment, because checksums are salted with the segment's number (see `record.rs`), and
//! within one log no number comes twice. Only when there is none, one is made of zeros.
//!
//! All of it happens on a thread of its own: renaming, removing and filling files takes longer than a batch of the log
//! may wait (on simulated disks it takes no time, and is done at once). Segments go oldest first and each durably, so that
//! a power cut leaves no gap in their numbers.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::segment;
use crate::disk::{Disk, DiskFile, die, disk_is_full};
use crate::world::Workers;

const PREFIX: &str = "spare-";
/// A spare that is not filled yet.
const UNFINISHED: &str = "new";
/// Purged segments are kept up to so many, and removed beyond. The log is dropped in steps of a few segments.
const KEPT: usize = 4;
/// How often it is tried again to make a segment for which there is no space.
const RETRY: Duration = Duration::from_millis(100);

/// Where segments come from and go to.
pub(super) struct Spares {
    yard: Arc<Yard>,
    thread: Option<JoinHandle<()>>,
}

/// What the writer and the thread share.
struct Yard {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Size of a spare.
    bytes: u64,
    /// There is no space for the next segment.
    waits: Arc<AtomicBool>,
    stock: Mutex<Stock>,
    changed: Condvar,
}

#[derive(Default)]
struct Stock {
    ready: Vec<PathBuf>,
    /// Numbers of purged segments, oldest first.
    retired: VecDeque<u64>,
    /// Names are never used twice.
    named: u64,
    /// Why the last one could not be made.
    failed: Option<io::Error>,
    ended: bool,
}

impl Stock {
    fn is_stocked(&self) -> bool {
        !self.ready.is_empty() || self.failed.is_some()
    }

    fn next_task(&mut self) -> Option<Task> {
        let retire = self.retired.pop_front().map(Task::Retire);
        retire.or_else(|| (!self.is_stocked()).then_some(Task::Make))
    }
}

/// What is done next.
enum Task {
    Retire(u64),
    Make,
}

impl Spares {
    /// Takes over the spares that a directory holds. Those beside a log without segments (`fresh`) are removed: such a
    /// log counts its segments from one again.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        bytes: u64,
        waits: Arc<AtomicBool>,
        fresh: bool,
    ) -> io::Result<Spares> {
        let yard = Yard { disk, dir: dir.to_owned(), bytes, waits, stock: Mutex::default(), changed: Condvar::new() };
        yard.look_around(fresh)?;
        let yard = Arc::new(yard);
        if yard.disk.workers() == Workers::Tasks {
            return Ok(Spares { yard, thread: None });
        }
        let works = yard.clone();
        let thread = std::thread::Builder::new().name("xebec-wal-spare".to_owned()).spawn(move || works.work())?;
        Ok(Spares { yard, thread: Some(thread) })
    }

    /// The segment with this number, with room for at least `room` bytes, its name durable. Waits for space as long as
    /// there is none: nothing is lost by it, since nothing of the segment is promised yet.
    pub(super) fn take(&self, number: u64, room: u64) -> io::Result<Arc<dyn DiskFile>> {
        let yard = &self.yard;
        if self.thread.is_none() {
            yard.work_at_once();
        }
        let spare = if room > yard.bytes { yard.make_patiently(room)? } else { yard.next_ready()? };
        let path = segment::path(&yard.dir, number);
        yard.disk.rename(&spare, &path)?;
        yard.disk.sync_dir(&yard.dir)?;
        yard.disk.open(&path)
    }

    /// Gives up a segment that nobody needs any more. Its purge must be durable, and older segments come first.
    pub(super) fn retire(&self, number: u64) {
        self.yard.stock().retired.push_back(number);
        if self.thread.is_none() {
            self.yard.work_at_once();
        }
        self.yard.changed.notify_all();
    }
}

impl Yard {
    fn look_around(&self, fresh: bool) -> io::Result<()> {
        let mut stock = self.stock();
        for name in self.disk.list(&self.dir)?.iter().filter(|name| name.starts_with("spare")) {
            let path = self.dir.join(name);
            let number = name.strip_prefix(PREFIX).and_then(|digits| digits.parse::<u64>().ok());
            match number.filter(|_| !fresh && stock.ready.len() < KEPT) {
                Some(number) if self.disk.open(&path)?.length()? == self.bytes => {
                    stock.named = stock.named.max(number);
                    stock.ready.push(path);
                }
                _ => self.disk.remove(&path)?,
            }
        }
        Ok(())
    }

    fn work(&self) {
        while let Some(task) = self.next_task() {
            self.perform(task);
        }
    }

    /// What the thread would do, when there is none.
    fn work_at_once(&self) {
        loop {
            // Not held while it is performed.
            let task = self.stock().next_task();
            let Some(task) = task else { return };
            self.perform(task);
        }
    }

    fn perform(&self, task: Task) {
        match task {
            Task::Retire(number) => {
                let recycled = self.recycle(number);
                recycled.unwrap_or_else(|error| die(&*self.disk, "recycle a log segment in", &self.dir, &error));
            }
            Task::Make => self.fill_up(),
        }
    }

    /// Waits for something to do; `None`: it is over. Segments that are left are retired by a later purge.
    fn next_task(&self) -> Option<Task> {
        let idle = |stock: &mut Stock| !stock.ended && stock.retired.is_empty() && stock.is_stocked();
        let mut stock = self.changed.wait_while(self.stock(), idle).unwrap_or_else(PoisonError::into_inner);
        if stock.ended { None } else { stock.next_task() }
    }

    /// Makes a purged segment a spare, or removes it.
    fn recycle(&self, number: u64) -> io::Result<()> {
        let path = segment::path(&self.dir, number);
        let fits = self.disk.open(&path)?.length()? == self.bytes;
        let name = self.name().filter(|_| fits);
        match &name {
            Some(spare) => self.disk.rename(&path, spare)?,
            None => self.disk.remove(&path)?,
        }
        self.disk.sync_dir(&self.dir)?;
        self.add(name);
        Ok(())
    }

    /// Makes one spare, if that works. One that cannot be made matters to whoever needs it.
    fn fill_up(&self) {
        let Some(spare) = self.name() else { return };
        match self.make(&spare, self.bytes) {
            Ok(()) => self.add(Some(spare)),
            Err(error) if disk_is_full(&error) => self.rest(),
            Err(error) => {
                self.stock().failed = Some(error);
                self.changed.notify_all();
            }
        }
    }

    /// Zeros, synced before the file gets its name.
    fn make(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let aside = path.with_added_extension(UNFINISHED);
        let made = self.disk.create(&aside, bytes).and_then(|file| file.sync());
        let full = made.as_ref().is_err_and(disk_is_full);
        self.waits.store(full, Ordering::Relaxed);
        if full && let Err(error) = self.disk.remove(&aside) {
            // Half a segment only takes room from the rest.
            tracing::debug!(%error, path = %aside.display(), "cannot remove half a log segment");
        }
        made.and_then(|()| self.disk.rename(&aside, path))
    }

    /// A segment of unusual size, for an unusual record.
    #[expect(clippy::disallowed_methods, reason = "the log's writer has nothing else to do")]
    fn make_patiently(&self, bytes: u64) -> io::Result<PathBuf> {
        let path = self.dir.join("spare.large");
        loop {
            match self.make(&path, bytes) {
                Err(error) if disk_is_full(&error) && !self.stock().ended => std::thread::sleep(RETRY),
                made => return made.map(|()| path),
            }
        }
    }

    fn next_ready(&self) -> io::Result<PathBuf> {
        let none = |stock: &mut Stock| stock.ready.is_empty() && stock.failed.is_none() && !stock.ended;
        let mut stock = self.changed.wait_while(self.stock(), none).unwrap_or_else(PoisonError::into_inner);
        let spare = stock.ready.pop();
        self.changed.notify_all();
        spare.ok_or_else(|| stock.failed.take().unwrap_or_else(|| io::ErrorKind::Interrupted.into()))
    }

    /// A name for one more spare, unless there are enough.
    fn name(&self) -> Option<PathBuf> {
        let mut stock = self.stock();
        if stock.ready.len() >= KEPT {
            return None;
        }
        stock.named += 1;
        Some(self.dir.join(format!("{PREFIX}{}", stock.named)))
    }

    fn add(&self, spare: Option<PathBuf>) {
        let mut stock = self.stock();
        if let Some(spare) = spare {
            stock.ready.push(spare);
            self.waits.store(false, Ordering::Relaxed);
        }
        drop(stock);
        self.changed.notify_all();
    }

    /// A pause before the next attempt, ended by a purged segment or the end.
    fn rest(&self) {
        let resting = |stock: &mut Stock| stock.retired.is_empty() && !stock.ended;
        let waited = self.changed.wait_timeout_while(self.stock(), RETRY, resting);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Spares {
    /// Whoever opens the directory next must not meet a thread of ours.
    fn drop(&mut self) {
        self.yard.stock().ended = true;
        self.yard.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the thread that prepares log segments panicked");
        }
    }
}
