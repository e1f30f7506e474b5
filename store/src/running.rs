//! The tasks of a member, and how they end.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::checkpoint::Checkpointer;
use crate::core::Core;
use crate::disk::Lock;

/// What is under way on the peer port may take so long to finish.
const PATIENCE: Duration = Duration::from_secs(1);

/// Everything that has to be stopped.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    parts: Mutex<Option<Parts>>,
}

pub(crate) struct Parts {
    pub(crate) server: JoinHandle<()>,
    pub(crate) reads: JoinHandle<()>,
    pub(crate) maintenance: JoinHandle<()>,
    pub(crate) checkpointer: Checkpointer,
    /// Held while the directory is ours.
    pub(crate) lock: Lock,
}

impl Running {
    pub(crate) fn new(stop: watch::Sender<bool>, parts: Parts) -> Running {
        Running { stop, parts: Mutex::new(Some(parts)) }
    }

    /// Stops everything, in an order that loses nothing. Once.
    pub(crate) async fn stop(&self, core: &Core) {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Parts { mut server, reads, maintenance, checkpointer, lock }) = parts else { return };
        self.stop.send_replace(true);
        if let Err(error) = core.raft.shutdown().await {
            tracing::warn!(%error, "the consensus engine did not end well");
        }
        if tokio::time::timeout(PATIENCE, &mut server).await.is_err() {
            server.abort();
        }
        reads.abort();
        maintenance.abort();
        checkpointer.stop().await;
        core.board.close();
        core.wal.close().await;
        drop(lock);
    }
}
