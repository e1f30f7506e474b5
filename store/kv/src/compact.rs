//! Compaction: forgetting, at a cost bounded by what is forgotten.
//!
//! `changes` says which keys were written up to the new compact revision; only their chains can hold versions that
//! nobody may read any more. A key that was trimmed by an earlier compaction and not written since has one version.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::model::{Outcome, Rejection, Revision};
use crate::state::State;

impl State {
    pub(crate) fn compact(&mut self, requested: Revision) -> Outcome {
        if requested <= self.compact_revision || requested > self.revision {
            let (oldest, current) = (self.compact_revision, self.revision);
            return Outcome::Rejected(Rejection::CompactOutOfRange { requested, oldest, current });
        }
        let keys = self.forget_changes(requested);
        self.compact_revision = requested;
        keys.iter().for_each(|key| self.trim(key));
        Outcome::Done { revision: self.revision }
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
