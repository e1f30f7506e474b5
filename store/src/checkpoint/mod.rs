//! Brings the state to the checkpoint database, off the path of acknowledgements.
//!
//! A thread looks at the published state once a second and writes what has changed. The log and the snapshots alone
//! would do to recover; the checkpoint makes a restart quick, because only the log after it is applied again.

mod sled_backend;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub(crate) use sled_backend::SledBackend;

use crate::disk::{disk_is_full, io_error};
use crate::error::StoreError;
use crate::instruments::Instruments;
use crate::raft::{Board, Image};
use crate::space::Space;

/// A database that holds the state as of some entry of the log.
pub(crate) trait StateBackend: Send {
    /// The state it holds. A damaged database is emptied, and gives none.
    fn load(&mut self) -> Result<Option<Image>, StoreError>;

    /// Makes `now` what it holds, durably. `before` is what it held.
    fn save(&mut self, before: &Image, now: &Image) -> Result<(), StoreError>;

    /// Empties it, which frees its room on the disk.
    fn clear(&mut self) -> Result<(), StoreError>;
}

/// Where checkpoints come from, and what they must regard.
pub(crate) struct Source {
    pub(crate) board: Arc<Board>,
    pub(crate) space: Arc<Space>,
    pub(crate) instruments: Instruments,
}

/// The thread that writes checkpoints.
pub(crate) struct Checkpointer {
    stop: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Checkpointer {
    /// Starts it. `held` is what the backend holds.
    pub(crate) fn start(
        backend: Box<dyn StateBackend>,
        held: Image,
        source: Source,
        interval: Duration,
    ) -> Result<Checkpointer, StoreError> {
        let (stop, stopped) = sync_channel(1);
        let run = move || {
            let mut work = Work { backend, held, source };
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                work.save();
            }
            work.save();
        };
        let thread = std::thread::Builder::new().name("xebec-checkpoint".to_owned());
        let thread = thread.spawn(run).map_err(io_error("start the checkpoint thread of", &PathBuf::new()))?;
        Ok(Checkpointer { stop, thread })
    }

    /// Writes a last checkpoint and ends.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the checkpoint thread panicked");
        }
    }
}

struct Work {
    backend: Box<dyn StateBackend>,
    held: Image,
    source: Source,
}

impl Work {
    /// Not while space is short: the log and the snapshots need it more.
    fn save(&mut self) {
        let now = self.source.board.image();
        if now.applied == self.held.applied || self.source.space.short() {
            return;
        }
        let start = Instant::now();
        match self.backend.save(&self.held, &now) {
            Ok(()) => {
                self.source.instruments.checkpointed(start.elapsed());
                self.held = Image::clone(&now);
            }
            Err(error) if is_full(&error) => self.give_way(&error),
            Err(error) => stop(&error),
        }
    }

    /// The checkpoint is what a member can do without: it makes room for the rest.
    fn give_way(&mut self, error: &StoreError) {
        tracing::warn!(?error, "the disk is full: the checkpoint is given up until there is space");
        self.held = Image::default();
        if let Err(error) = self.backend.clear() {
            stop(&error);
        }
    }
}

fn is_full(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. } if disk_is_full(source))
}

fn stop(error: &StoreError) -> ! {
    tracing::error!(?error, "cannot write a checkpoint: stopping at once, the disk is not to be trusted");
    std::process::abort();
}
