//! Brings the state to the checkpoint database, off the path of acknowledgements.
//!
//! A task looks at the published state once a second and has what has changed written. The log and the snapshots alone
//! would do to recover; the checkpoint makes a restart quick, because only the log after it is applied again.

#[cfg(any(test, feature = "testing"))]
mod memory;
mod sled_backend;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryCheckpoint;
pub(crate) use sled_backend::SledBackend;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::disk::disk_is_full;
use crate::error::StoreError;
use crate::instruments::Instruments;
use crate::raft::{Board, Image};
use crate::space::Space;
use crate::wal::Wal;
use crate::world::Workers;

/// A database that takes so many times what it holds is begun anew: sled uses the room of what was overwritten again, but
/// never all of it, and gives none back.
const BLOAT: u64 = 3;
/// One that takes less is left alone.
const SMALL: u64 = 16 << 20;

/// After a checkpoint, the next one waits for so many times as long as that one took: under many writes it would otherwise
/// take a quarter of the member's time, most of it for versions that are compacted soon after.
const REST: u32 = 19;
/// But no longer than this, so that little of the log is to be applied again after a crash.
const LONGEST_REST: Duration = Duration::from_secs(20);
/// Nor when about so many bytes have been written since: what the last checkpoint holds stays in memory until the next.
const LADEN: u64 = 64 << 20;

/// Which database a member has.
#[derive(Clone)]
pub enum Checkpoint {
    /// sled, in `state.sled/`.
    Sled,
    /// One in memory.
    #[cfg(any(test, feature = "testing"))]
    Memory(MemoryCheckpoint),
}

impl Checkpoint {
    pub(crate) fn backend(&self, dir: &Path) -> Box<dyn StateBackend> {
        match self {
            Checkpoint::Sled => Box::new(SledBackend::new(&dir.join("state.sled"))),
            #[cfg(any(test, feature = "testing"))]
            Checkpoint::Memory(memory) => Box::new(memory.clone()),
        }
    }
}

/// A log that waits for space is not waited for.
const SETTLING: Duration = Duration::from_secs(3);

/// A database that holds the state as of some entry of the log.
pub(crate) trait StateBackend: Send {
    /// The state it holds. A damaged database is emptied, and gives none.
    fn load(&mut self) -> Result<Option<Image>, StoreError>;

    /// Makes `now` what it holds, durably. `before` is what it held.
    fn save(&mut self, before: &Image, now: &Image) -> Result<(), StoreError>;

    /// Empties it, which frees its room on the disk.
    fn clear(&mut self) -> Result<(), StoreError>;

    /// Bytes that it takes on the disk, about.
    fn occupied(&self) -> u64;
}

/// Where checkpoints come from, and what they must regard.
pub(crate) struct Source {
    pub(crate) board: Arc<Board>,
    pub(crate) space: Arc<Space>,
    pub(crate) instruments: Instruments,
    pub(crate) wal: Wal,
}

/// The task that has checkpoints written.
pub(crate) struct Checkpointer {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Checkpointer {
    /// Starts it. `held` is what the backend holds.
    pub(crate) fn start(
        backend: Box<dyn StateBackend>,
        held: Image,
        source: Source,
        interval: Duration,
        workers: Workers,
    ) -> Checkpointer {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(Work { backend, held, source }, interval, workers, stopped));
        Checkpointer { stop, task }
    }

    /// Writes a last checkpoint and ends.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        if self.task.await.is_err() {
            tracing::error!("the last checkpoint was not written");
        }
    }
}

async fn run(mut work: Work, interval: Duration, workers: Workers, mut stopped: oneshot::Receiver<()>) {
    let mut due = Instant::now() + interval;
    loop {
        let stopping = timeout(interval, &mut stopped).await.is_ok();
        let start = Instant::now();
        if !stopping && start < due && !work.is_laden() {
            continue;
        }
        let (now, wal) = (work.source.board.image(), work.source.wal.clone());
        if !work.is_due(&now) || !is_settled(&wal).await {
            if stopping {
                return;
            }
            continue;
        }
        let saved = workers.run(move || {
            work.save(&now);
            work
        });
        match saved.await {
            Ok(back) => {
                work = back;
                due = Instant::now() + rest(start.elapsed(), interval);
            }
            Err(error) => return tracing::error!(%error, "writing a checkpoint panicked: no more are written"),
        }
        if stopping {
            return;
        }
    }
}

/// Whether the log has on disk what led to the state; see [`Wal::settle`].
async fn is_settled(wal: &Wal) -> bool {
    timeout(SETTLING, wal.settle()).await.is_ok_and(|settled| settled.is_ok())
}

struct Work {
    backend: Box<dyn StateBackend>,
    held: Image,
    source: Source,
}

/// How long to leave the database alone after a checkpoint that took so long.
fn rest(took: Duration, interval: Duration) -> Duration {
    (took * REST).min(LONGEST_REST).max(interval)
}

impl Work {
    /// Whether much has been written since the last checkpoint.
    fn is_laden(&self) -> bool {
        let state = &self.source.board.image().state;
        let written = state.revision().saturating_sub(self.held.state.revision());
        written.saturating_mul(state.bytes()) / state.versions().max(1) >= LADEN
    }

    /// Whether there is something new. Not while space is short: the log and the snapshots need it more.
    fn is_due(&self, now: &Image) -> bool {
        now.applied != self.held.applied && !self.source.space.short()
    }

    fn save(&mut self, now: &Image) {
        let start = Instant::now();
        if is_bloated(self.backend.occupied(), self.held.state.bytes()) {
            self.begin_anew();
        }
        match self.backend.save(&self.held, now) {
            Ok(()) => {
                self.source.instruments.checkpointed(start.elapsed());
                self.held = now.clone();
            }
            Err(error) if is_full(&error) => self.give_way(&error),
            Err(error) => stop(&error),
        }
    }

    /// The checkpoint is what a member can do without: it makes room for the rest.
    fn give_way(&mut self, error: &StoreError) {
        tracing::warn!(?error, "the disk is full: the checkpoint is given up until there is space");
        self.begin_anew();
    }

    /// Until it is written again, snapshots and log stand for it.
    fn begin_anew(&mut self) {
        self.held = Image::default();
        if let Err(error) = self.backend.clear() {
            stop(&error);
        }
    }
}

fn is_bloated(occupied: u64, held: u64) -> bool {
    occupied > SMALL.max(held.saturating_mul(BLOAT))
}

fn is_full(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. } if disk_is_full(source))
}

fn stop(error: &StoreError) -> ! {
    tracing::error!(?error, "cannot write a checkpoint: stopping at once, the disk is not to be trusted");
    std::process::abort();
}
