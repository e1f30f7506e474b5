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
use std::time::Duration;

pub(crate) use sled_backend::SledBackend;

use crate::disk::io_error;
use crate::error::StoreError;
use crate::raft::Image;

/// A database that holds the state as of some entry of the log.
pub(crate) trait StateBackend: Send {
    /// The state it holds. A damaged database is emptied, and gives none.
    fn load(&mut self) -> Result<Option<Image>, StoreError>;

    /// Makes `now` what it holds, durably. `before` is what it held.
    fn save(&mut self, before: &Image, now: &Image) -> Result<(), StoreError>;
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
        newest: impl Fn() -> Arc<Image> + Send + 'static,
        interval: Duration,
    ) -> Result<Checkpointer, StoreError> {
        let (stop, stopped) = sync_channel(1);
        let run = move || {
            let mut work = Work { backend, held, newest };
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

struct Work<F> {
    backend: Box<dyn StateBackend>,
    held: Image,
    newest: F,
}

impl<F: Fn() -> Arc<Image>> Work<F> {
    fn save(&mut self) {
        let now = (self.newest)();
        if now.applied == self.held.applied {
            return;
        }
        match self.backend.save(&self.held, &now) {
            Ok(()) => self.held = Image::clone(&now),
            Err(error) => {
                tracing::error!(?error, "cannot write a checkpoint: stopping at once, the disk is not to be trusted");
                std::process::abort();
            }
        }
    }
}
