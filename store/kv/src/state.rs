//! The state itself and its reads.

use std::sync::Arc;

use bytes::Bytes;
use imbl::OrdMap;

use crate::chain::{Chain, Version};
use crate::hash;
use crate::keys::KeyRange;
use crate::lease::Lease;
use crate::model::{KeyValue, Revision};
use crate::past::PastError;
use crate::range::Range;
use crate::session::Session;

/// The revision of an empty store. Never 0, which clients read as "any".
pub(crate) const FIRST_REVISION: Revision = 1;

/// Everything that is replicated. A clone costs nothing and never changes.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) revision: Revision,
    pub(crate) compact_revision: Revision,
    /// The newest time a leader stamped; never goes back.
    pub(crate) time_ms: u64,
    pub(crate) chains: OrdMap<Bytes, Arc<Chain>>,
    /// Which keys each kept revision after the compaction changed, in key order.
    pub(crate) changes: OrdMap<Revision, Arc<[Bytes]>>,
    pub(crate) leases: OrdMap<u64, Lease>,
    pub(crate) sessions: OrdMap<u64, Session>,
    /// Sum over all kept versions, see `hash.rs`.
    pub(crate) digest: u64,
    /// Bytes of keys and values of all kept versions.
    pub(crate) bytes: u64,
    /// How many versions are kept.
    pub(crate) versions: u64,
    /// How many keys exist.
    pub(crate) live: u64,
}

impl Default for State {
    fn default() -> State {
        State {
            revision: FIRST_REVISION,
            compact_revision: 0,
            time_ms: 0,
            chains: OrdMap::new(),
            changes: OrdMap::new(),
            leases: OrdMap::new(),
            sessions: OrdMap::new(),
            digest: 0,
            bytes: 0,
            versions: 0,
            live: 0,
        }
    }
}

impl State {
    /// The newest revision.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The oldest revision that can be read; 0: all can.
    pub fn compact_revision(&self) -> Revision {
        self.compact_revision
    }

    /// The newest time that a leader stamped into a command, in milliseconds since 1970.
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// Bytes of keys and values, history included.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The key as it stands.
    pub fn get(&self, key: &[u8]) -> Option<KeyValue> {
        let (key, chain) = self.chains.get_key_value(key)?;
        chain.latest().key_value(key)
    }

    /// The key as it stood at `revision`.
    pub fn get_at(&self, key: &[u8], revision: Revision) -> Result<Option<KeyValue>, PastError> {
        self.check_readable(revision)?;
        let found = self.chains.get_key_value(key);
        Ok(found.and_then(|(key, chain)| chain.at(revision)?.key_value(key)))
    }

    /// The keys of a range, in order.
    pub fn scan(&self, range: &KeyRange) -> Range<'_> {
        Range::new(self, range.clone(), self.revision)
    }

    /// The same as it stood at `revision`. A page that ended at a key goes on with [`KeyRange::after`] at the same revision.
    pub fn scan_at(&self, range: &KeyRange, revision: Revision) -> Result<Range<'_>, PastError> {
        self.check_readable(revision)?;
        Ok(Range::new(self, range.clone(), revision))
    }

    /// The keys that start with `prefix`, in order, from after `start_after` on.
    pub fn range(&self, prefix: &[u8], start_after: Option<&[u8]>) -> Range<'_> {
        Range::new(self, page(prefix, start_after), self.revision)
    }

    /// The same as it stood at `revision`.
    pub fn range_at(
        &self,
        prefix: &[u8],
        start_after: Option<&[u8]>,
        revision: Revision,
    ) -> Result<Range<'_>, PastError> {
        self.check_readable(revision)?;
        Ok(Range::new(self, page(prefix, start_after), revision))
    }

    /// How many keys start with `prefix`.
    pub fn count(&self, prefix: &[u8]) -> usize {
        self.range(prefix, None).count()
    }

    /// Whether the version of a key that `revision` wrote is kept.
    pub fn holds(&self, key: &[u8], revision: Revision) -> bool {
        self.chains.get(key).is_some_and(|chain| chain.written_at(revision).is_some())
    }

    /// How many keys exist.
    pub fn keys(&self) -> u64 {
        self.live
    }

    /// How many versions are kept, tombstones included.
    pub fn versions(&self) -> u64 {
        self.versions
    }

    /// A number that is the same on every replica that applied the same commands.
    pub fn hash(&self) -> u64 {
        hash::of_state(self)
    }

    /// Refuses revisions that are compacted or have not happened.
    pub(crate) fn check_readable(&self, requested: Revision) -> Result<(), PastError> {
        if requested < self.compact_revision {
            return Err(PastError::Compacted { requested, oldest: self.compact_revision });
        }
        if requested > self.revision {
            return Err(PastError::Future { requested, current: self.revision });
        }
        Ok(())
    }

    /// Adds a version newer than all of its key, and accounts for it.
    pub(crate) fn push_version(&mut self, key: &Bytes, version: Version) {
        self.digest = self.digest.wrapping_add(hash::of_version(key, &version));
        self.bytes += version_bytes(key, &version);
        self.versions += 1;
        let lives = version.value.is_some();
        let mut lived = false;
        match self.chains.get_mut(key) {
            Some(chain) => {
                lived = chain.latest().value.is_some();
                Arc::make_mut(chain).push(version);
            }
            None => {
                self.chains.insert(key.clone(), Arc::new(Chain::new(version)));
            }
        }
        self.live = self.live + u64::from(lives) - u64::from(lived);
    }

    /// Takes a version out of the accounts.
    pub(crate) fn forget_version(&mut self, key: &Bytes, version: &Version) {
        self.digest = self.digest.wrapping_sub(hash::of_version(key, version));
        self.bytes -= version_bytes(key, version);
        self.versions -= 1;
    }
}

fn page(prefix: &[u8], start_after: Option<&[u8]>) -> KeyRange {
    let range = KeyRange::prefix(Bytes::copy_from_slice(prefix));
    match start_after {
        Some(key) => range.after(key),
        None => range,
    }
}

fn version_bytes(key: &Bytes, version: &Version) -> u64 {
    (key.len() + version.value.as_ref().map_or(0, Bytes::len)) as u64
}
