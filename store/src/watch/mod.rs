//! Watching: every change of a range of keys, in order, without a gap, from any kept revision on.
//!
//! ```text
//!  apply ──batch──► Ring (bounded bytes) ──► Watch (a revision) ──► whoever calls next()
//!                   revision signal ─ ─ ─ ─ ─► wakes it │
//!  State's version chains ──────────────────────────────┘ older than the ring
//! ```
//!
//! A watch is the next revision it wants, and nothing more: no queue, no task. It reads the ring that all watches share,
//! and, where that begins too late, the history that the state keeps. When that is compacted too, the watch ends with
//! [`WatchError::Compacted`]: a reader that is too slow is told, and never skips anything.
//!
//! The ring is filled while there are watches, so that a member that nobody watches keeps no change twice.
//!
//! Apply feeds it on every member, leader or not, so a watch on a follower is complete too, only later.

mod feed;
mod ring;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use xebec_kv::{Event, KeyRange, Revision};

pub(crate) use feed::Feed;
use feed::Signal;
pub(crate) use ring::Batch;
use ring::Found;

use crate::raft::Board;

/// Revisions of history looked at before others get their turn.
const LOOK: usize = 256;

/// How a watch is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchOptions {
    /// Whether events carry the key as it was before.
    pub previous: bool,
    /// After such a time without a change, [`Watch::next`] answers with progress.
    pub progress: Option<Duration>,
}

/// Changes of one revision, which is one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchBatch {
    /// All changes up to this revision have been handed out with this; never 0.
    pub revision: Revision,
    /// One for each changed key of the range, in key order. None: this is progress.
    pub events: Vec<Event>,
}

/// Why a watch has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// What it wants next is forgotten. Read the keys anew, and watch from the revision after that of the read.
    #[error(
        "the changes from revision {requested} on are compacted; the oldest that are kept begin with {resume_from}"
    )]
    Compacted {
        /// The revision that it would have gone on from.
        requested: Revision,
        /// The oldest revision that a watch can begin with now.
        resume_from: Revision,
    },
    /// The store has stopped.
    #[error("the store has stopped")]
    Stopped,
}

/// A reader of changes. Dropping it ends it.
pub struct Watch {
    board: Arc<Board>,
    range: KeyRange,
    options: WatchOptions,
    /// Everything before was handed out.
    next: Revision,
    wake: watch::Receiver<Signal>,
}

/// What one look gave.
enum Look {
    Found(WatchBatch),
    /// Not so far, and there is more to look at.
    Further,
    /// There is no more now.
    Nothing,
}

impl Watch {
    /// Begins with the changes of revision `from`, past or future; 0: with what comes next.
    pub(crate) fn new(
        board: Arc<Board>,
        range: KeyRange,
        from: Revision,
        options: WatchOptions,
    ) -> Result<Watch, WatchError> {
        let wake = board.feed().subscribe();
        // Revision 1 is that of the empty store: nothing changed in it.
        let next = if from == 0 { board.feed().newest() + 1 } else { from.max(2) };
        let oldest = board.image().state.compact_revision() + 1;
        if next < oldest {
            return Err(WatchError::Compacted { requested: next, resume_from: oldest });
        }
        Ok(Watch { board, range, options, next, wake })
    }

    /// The next changes, or progress; waits for them. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<WatchBatch, WatchError> {
        let patience = self.options.progress.map(|progress| Instant::now() + progress);
        loop {
            let open = self.wake.borrow_and_update().open;
            match self.look()? {
                Look::Found(batch) => return Ok(batch),
                Look::Further => tokio::task::yield_now().await,
                Look::Nothing if !open => return Err(WatchError::Stopped),
                Look::Nothing if self.woken(patience).await? => {}
                Look::Nothing => return Ok(WatchBatch { revision: self.progress(), events: Vec::new() }),
            }
        }
    }

    /// The next changes, if there are any already.
    pub fn try_next(&mut self) -> Result<Option<WatchBatch>, WatchError> {
        loop {
            match self.look()? {
                Look::Found(batch) => return Ok(Some(batch)),
                Look::Further => {}
                Look::Nothing => return Ok(None),
            }
        }
    }

    /// All changes up to this revision have been handed out; never 0.
    pub fn progress(&self) -> Revision {
        (self.next - 1).min(self.board.feed().newest())
    }

    /// Whether there is something new; false: patience has ended.
    async fn woken(&mut self, patience: Option<Instant>) -> Result<bool, WatchError> {
        let woken = match patience {
            Some(patience) => match timeout_at(patience, self.wake.changed()).await {
                Ok(woken) => woken,
                Err(_) => return Ok(false),
            },
            None => self.wake.changed().await,
        };
        woken.map(|()| true).map_err(|_| WatchError::Stopped)
    }

    fn look(&mut self) -> Result<Look, WatchError> {
        match self.board.feed().find(self.next, &self.range) {
            Found::Batch(batch) => {
                let events = batch.events.iter().filter(|event| self.range.contains(&event.key)).cloned().collect();
                Ok(self.hand_out(batch.revision, events))
            }
            Found::NoneBefore(next) if next == self.next => Ok(Look::Nothing),
            Found::NoneBefore(next) => {
                self.next = next;
                Ok(Look::Further)
            }
            Found::Later(first) => self.look_back(first),
        }
    }

    /// Looks into the state's history, up to where the ring begins.
    fn look_back(&mut self, ring_begins: Revision) -> Result<Look, WatchError> {
        self.board.feed().count_behind();
        let state = self.board.image().state.clone();
        let requested = self.next;
        let compacted = |_| WatchError::Compacted { requested, resume_from: state.compact_revision() + 1 };
        let history = state.changes_after(requested - 1, self.range.clone()).map_err(compacted)?;
        let mut looked = 0;
        for (revision, events) in history.take_while(|(revision, _)| *revision < ring_begins).take(LOOK) {
            if !events.is_empty() {
                return Ok(self.hand_out(revision, events));
            }
            self.next = revision + 1;
            looked += 1;
        }
        if looked < LOOK {
            self.next = ring_begins;
        }
        Ok(Look::Further)
    }

    fn hand_out(&mut self, revision: Revision, mut events: Vec<Event>) -> Look {
        if !self.options.previous {
            events.iter_mut().for_each(|event| event.previous = None);
        }
        self.board.feed().count_events(events.len());
        self.next = revision + 1;
        Look::Found(WatchBatch { revision, events })
    }
}
