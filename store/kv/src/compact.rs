//! Compaction: forgetting, at a cost bounded by what is forgotten, and in steps.
//!
//! `changes` says which keys each revision wrote; only their chains can hold versions that nobody may read any more. Change
//! by change, what the change replaced is forgotten.
//!
//! One command forgets so much and no more, because all other commands wait for it. How far it came is the same on all
//! replicas, and its answer; whoever wants more proposes again.

use std::sync::Arc;

use bytes::Bytes;

use crate::model::{Outcome, Revision};
use crate::rejection::Rejection;
use crate::state::State;

/// So many bytes of a forgotten value cost as much as a key.
const BYTES_LIKE_A_KEY: u64 = 4 << 10;

impl State {
    /// Compacts to `requested`, or until the budget is spent, but at least by one revision.
    pub(crate) fn compact(&mut self, requested: Revision, budget: u64) -> Outcome {
        if requested <= self.compact_revision || requested > self.revision {
            let (oldest, current) = (self.compact_revision, self.revision);
            return Outcome::Rejected(Rejection::CompactOutOfRange { requested, oldest, current });
        }
        let mut spent = 0;
        while let Some(change) = self.oldest_change().filter(|change| *change <= requested) {
            if spent >= budget {
                return Outcome::Compacted { oldest: self.compact_revision };
            }
            spent += self.forget_change(change);
        }
        self.compact_revision = requested;
        Outcome::Compacted { oldest: requested }
    }

    fn oldest_change(&self) -> Option<Revision> {
        self.changes.get_min().map(|(revision, _)| *revision)
    }

    /// Compacts to a revision that wrote something; gives what it cost.
    fn forget_change(&mut self, revision: Revision) -> u64 {
        self.compact_revision = revision;
        let keys = self.changes.remove(&revision).unwrap_or_default();
        keys.iter().map(|key| 1 + self.trim(key) / BYTES_LIKE_A_KEY).sum()
    }

    /// Forgets the versions of a key that nobody may read any more; gives their bytes.
    pub(crate) fn trim(&mut self, key: &Bytes) -> u64 {
        let (oldest, before) = (self.compact_revision, self.bytes);
        let Some(chain) = self.chains.get(key).cloned() else { return 0 };
        chain.unseen(oldest).for_each(|version| self.forget_version(key, version));
        if self.bytes == before {
            return 0;
        }
        match chain.compacted(oldest) {
            Some(kept) => self.chains.insert(key.clone(), Arc::new(kept)),
            None => self.chains.remove(key),
        };
        before - self.bytes
    }
}
