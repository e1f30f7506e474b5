//! Compaction: forgetting, at a cost bounded by what is forgotten, and in steps.
//!
//! `changes` says which keys were written up to the new compact revision; only their chains can hold versions that
//! nobody may read any more. A key that was trimmed by an earlier compaction and not written since has one version.
//!
//! One command forgets so much and no more, because all other commands wait for it. How far it came is the same on all
//! replicas, and its answer; whoever wants more proposes again.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::model::{Outcome, Revision};
use crate::rejection::Rejection;
use crate::state::State;

/// So many bytes of a forgotten value cost as much as a key.
const BYTES_LIKE_A_KEY: u64 = 4 << 10;

impl State {
    /// Compacts to `requested`, or as far as `budget` lasts, but at least by one revision.
    pub(crate) fn compact(&mut self, requested: Revision, budget: u64) -> Outcome {
        if requested <= self.compact_revision || requested > self.revision {
            let (oldest, current) = (self.compact_revision, self.revision);
            return Outcome::Rejected(Rejection::CompactOutOfRange { requested, oldest, current });
        }
        let reached = self.reach(requested, budget);
        let keys = self.forget_changes(reached);
        self.compact_revision = reached;
        keys.iter().for_each(|key| self.trim(key));
        Outcome::Compacted { oldest: reached }
    }

    /// How far towards `requested` the budget lasts.
    fn reach(&self, requested: Revision, budget: u64) -> Revision {
        let (mut reached, mut cost) = (None, 0_u64);
        for (revision, keys) in self.changes.range(..=requested) {
            let more: u64 = keys.iter().map(|key| self.cost(key, *revision)).sum();
            cost = cost.saturating_add(more);
            match reached {
                Some(before) if cost > budget => return before,
                _ => reached = Some(*revision),
            }
        }
        requested
    }

    /// What it costs to forget the version that `revision` replaced.
    fn cost(&self, key: &Bytes, revision: Revision) -> u64 {
        let replaced = self.chains.get(key).and_then(|chain| chain.at(revision - 1));
        let bytes = replaced.and_then(|version| version.value.as_ref()).map_or(0, Bytes::len);
        1 + bytes as u64 / BYTES_LIKE_A_KEY
    }

    /// Drops the change lists up to `revision` and gives the keys they name.
    fn forget_changes(&mut self, revision: Revision) -> BTreeSet<Bytes> {
        let (forgotten, at, kept) = self.changes.split_lookup(&revision);
        self.changes = kept;
        forgotten.values().chain(at.iter()).flat_map(|keys| keys.iter().cloned()).collect()
    }

    /// Forgets the versions of a key that nobody may read any more.
    pub(crate) fn trim(&mut self, key: &Bytes) {
        let Some(before) = self.chains.get(key).cloned() else { return };
        let after = before.compacted(self.compact_revision);
        let kept_from = after
            .as_ref()
            .map_or(Revision::MAX, |chain| chain.versions().next().map_or(Revision::MAX, |oldest| oldest.mod_revision));
        for version in before.versions().take_while(|version| version.mod_revision < kept_from) {
            self.forget_version(key, version);
        }
        match after {
            Some(chain) => self.chains.insert(key.clone(), Arc::new(chain)),
            None => self.chains.remove(key),
        };
    }
}
