//! The versions of one key, oldest first, newest apart.
//!
//! Almost every read asks for the newest, so it is held directly; the older ones sit in a persistent vector, which a
//! hot key can grow by thousands without any copy.

use bytes::Bytes;
use imbl::Vector;

use crate::model::{KeyValue, Revision};

/// A key as one revision left it. Without a value it is a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) value: Option<Bytes>,
    pub(crate) create_revision: Revision,
    pub(crate) mod_revision: Revision,
    pub(crate) version: u64,
    pub(crate) lease: u64,
}

impl Version {
    /// The key as a reader sees it; `None` for a tombstone.
    pub(crate) fn key_value(&self, key: &Bytes) -> Option<KeyValue> {
        let value = self.value.clone()?;
        Some(KeyValue {
            key: key.clone(),
            value,
            create_revision: self.create_revision,
            mod_revision: self.mod_revision,
            version: self.version,
            lease: self.lease,
        })
    }

    /// The tombstone that a deletion at `revision` leaves.
    pub(crate) fn tombstone(revision: Revision) -> Version {
        Version { value: None, create_revision: 0, mod_revision: revision, version: 0, lease: 0 }
    }
}

/// All kept versions of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    latest: Version,
    older: Vector<Version>,
}

impl Chain {
    pub(crate) fn new(first: Version) -> Chain {
        Chain { latest: first, older: Vector::new() }
    }

    pub(crate) fn latest(&self) -> &Version {
        &self.latest
    }

    /// Adds a version newer than all.
    pub(crate) fn push(&mut self, version: Version) {
        debug_assert!(version.mod_revision > self.latest.mod_revision, "versions only grow");
        self.older.push_back(std::mem::replace(&mut self.latest, version));
    }

    /// The version that was current at `revision`.
    pub(crate) fn at(&self, revision: Revision) -> Option<&Version> {
        if self.latest.mod_revision <= revision {
            return Some(&self.latest);
        }
        let newer = self.first_newer(revision);
        newer.checked_sub(1).and_then(|index| self.older.get(index))
    }

    /// The version that `revision` itself wrote.
    pub(crate) fn written_at(&self, revision: Revision) -> Option<&Version> {
        self.at(revision).filter(|version| version.mod_revision == revision)
    }

    /// Every version, oldest first.
    pub(crate) fn versions(&self) -> impl Iterator<Item = &Version> {
        self.older.iter().chain(std::iter::once(&self.latest))
    }

    /// Forgets what no revision from `revision` on can see. `None`: nothing is left.
    pub(crate) fn compacted(&self, revision: Revision) -> Option<Chain> {
        if self.latest.mod_revision <= revision {
            return self.latest.value.is_some().then(|| Chain::new(self.latest.clone()));
        }
        let mut kept = self.clone();
        let visible = self.first_newer(revision).saturating_sub(1);
        kept.older = kept.older.split_off(visible.min(self.older.len()));
        let starts_deleted = |older: &Vector<Version>| {
            older.front().is_some_and(|oldest| oldest.value.is_none() && oldest.mod_revision <= revision)
        };
        if starts_deleted(&kept.older) {
            kept.older.pop_front();
        }
        Some(kept)
    }

    /// Index of the first older version written after `revision`.
    fn first_newer(&self, revision: Revision) -> usize {
        match self.older.binary_search_by(|version| version.mod_revision.cmp(&revision)) {
            Ok(index) => index + 1,
            Err(index) => index,
        }
    }
}
