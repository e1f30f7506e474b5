//! The versions of one key, the newest apart.
//!
//! Almost every read asks for the newest, so it is held directly; the older ones share what lies below them with earlier
//! states (`older.rs`), so a hot key can have thousands without any copy.

use bytes::Bytes;

use crate::model::{KeyValue, Revision};
use crate::older::Older;

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
    older: Older,
}

impl Chain {
    pub(crate) fn new(first: Version) -> Chain {
        Chain { latest: first, older: Older::default() }
    }

    pub(crate) fn latest(&self) -> &Version {
        &self.latest
    }

    pub(crate) fn oldest(&self) -> &Version {
        self.older.oldest().unwrap_or(&self.latest)
    }

    /// Adds a version newer than all.
    pub(crate) fn push(&mut self, version: Version) {
        debug_assert!(version.mod_revision > self.latest.mod_revision, "versions only grow");
        self.older.push(std::mem::replace(&mut self.latest, version));
    }

    /// The version that was current at `revision`.
    pub(crate) fn at(&self, revision: Revision) -> Option<&Version> {
        self.up_to(revision).next()
    }

    /// The version that `revision` itself wrote.
    pub(crate) fn written_at(&self, revision: Revision) -> Option<&Version> {
        self.at(revision).filter(|version| version.mod_revision == revision)
    }

    /// Every version, oldest first.
    pub(crate) fn versions(&self) -> impl Iterator<Item = &Version> {
        let older: Vec<&Version> = self.older.iter().collect();
        older.into_iter().rev().chain([&self.latest])
    }

    /// The versions of `revision` and before, newest first.
    pub(crate) fn up_to(&self, revision: Revision) -> impl Iterator<Item = &Version> {
        let latest = Some(&self.latest).filter(|latest| latest.mod_revision <= revision);
        latest.into_iter().chain(self.older.up_to(revision))
    }

    /// The versions after `revision`, newest first.
    pub(crate) fn after(&self, revision: Revision) -> impl Iterator<Item = &Version> {
        [&self.latest].into_iter().chain(self.older.iter()).take_while(move |version| version.mod_revision > revision)
    }

    /// What no revision from `revision` on can see.
    pub(crate) fn unseen(&self, revision: Revision) -> impl Iterator<Item = &Version> {
        let mut versions = self.up_to(revision).peekable();
        // The first is seen, unless there is nothing to see.
        versions.next_if(|current| current.value.is_some());
        versions
    }

    /// Without what no revision from `revision` on can see. `None`: nothing is left.
    pub(crate) fn compacted(&self, revision: Revision) -> Option<Chain> {
        let mut kept = self.clone();
        match self.unseen(revision).next() {
            Some(newest) if newest.mod_revision == self.latest.mod_revision => return None,
            Some(newest) => kept.older.keep(self.older.count_after(newest.mod_revision)),
            None => {}
        }
        Some(kept)
    }
}
