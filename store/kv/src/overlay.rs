//! What a transaction has written so far, over the state it started from.

use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;

use bytes::Bytes;

use crate::chain::Version;
use crate::keys::KeyRange;
use crate::model::{Event, KeyValue};
use crate::range::Range;
use crate::state::State;

/// The writes of a transaction that runs.
pub(crate) struct Overlay<'a> {
    base: &'a State,
    /// The keys written, as they will be; `None`: deleted.
    writes: BTreeMap<Bytes, Option<KeyValue>>,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(base: &'a State) -> Overlay<'a> {
        Overlay { base, writes: BTreeMap::new() }
    }

    pub(crate) fn get(&self, key: &Bytes) -> Option<KeyValue> {
        match self.writes.get(key) {
            Some(written) => written.clone(),
            None => self.base.get(key),
        }
    }

    /// The keys of a range, in order.
    pub(crate) fn scan(&self, range: &KeyRange) -> Merged<'_> {
        let written = self.writes.range(range.start().clone()..).peekable();
        Merged { range: range.clone(), stored: self.base.scan(range).peekable(), written }
    }

    pub(crate) fn put(&mut self, key: &Bytes, value: &Bytes, lease: u64) {
        let previous = self.get(key);
        let revision = self.base.revision + 1;
        // A second put of the same transaction is the same version.
        let before = previous.as_ref().map_or(0, |kv| kv.version - u64::from(kv.mod_revision == revision));
        let written = KeyValue {
            key: key.clone(),
            value: value.clone(),
            create_revision: previous.as_ref().map_or(revision, |kv| kv.create_revision),
            mod_revision: revision,
            version: before + 1,
            lease,
        };
        self.writes.insert(key.clone(), Some(written));
    }

    /// Whether it was there.
    pub(crate) fn delete(&mut self, key: &Bytes) -> bool {
        let existed = self.get(key).is_some();
        if existed {
            self.writes.insert(key.clone(), None);
        }
        existed
    }

    /// Ends the borrow of the state.
    pub(crate) fn finish(self) -> Writes {
        let unborn = |base: &State, key: &Bytes, write: &Option<KeyValue>| write.is_none() && base.get(key).is_none();
        let base = self.base;
        Writes(self.writes.into_iter().filter(|(key, write)| !unborn(base, key, write)).collect())
    }
}

/// What is stored and what is written, as one.
pub(crate) struct Merged<'a> {
    range: KeyRange,
    stored: Peekable<Range<'a>>,
    written: Peekable<btree_map::Range<'a, Bytes, Option<KeyValue>>>,
}

impl Merged<'_> {
    /// The next write within the range.
    fn next_written(&mut self) -> Option<&Bytes> {
        let (key, _) = self.written.peek()?;
        self.range.is_before_end(key).then_some(*key)
    }
}

impl Iterator for Merged<'_> {
    type Item = KeyValue;

    fn next(&mut self) -> Option<KeyValue> {
        loop {
            let Some(written) = self.next_written().cloned() else { return self.stored.next() };
            match self.stored.peek() {
                Some(stored) if stored.key < written => return self.stored.next(),
                Some(stored) if stored.key == written => drop(self.stored.next()),
                _ => {}
            }
            if let Some((_, Some(kv))) = self.written.next() {
                return Some(kv.clone());
            }
        }
    }
}

/// The net effect of a transaction, in key order.
pub(crate) struct Writes(Vec<(Bytes, Option<KeyValue>)>);

impl Writes {
    /// Makes them the next revision; without any, the revision stays.
    pub(crate) fn commit(self, state: &mut State) -> Vec<Event> {
        if self.0.is_empty() {
            return Vec::new();
        }
        state.revision += 1;
        let revision = state.revision;
        state.changes.insert(revision, self.0.iter().map(|(key, _)| key.clone()).collect());
        self.0.into_iter().map(|(key, write)| write_one(state, key, write)).collect()
    }
}

fn write_one(state: &mut State, key: Bytes, current: Option<KeyValue>) -> Event {
    let revision = state.revision;
    let previous = state.get(&key);
    let version = match &current {
        Some(kv) => Version {
            value: Some(kv.value.clone()),
            create_revision: kv.create_revision,
            mod_revision: revision,
            version: kv.version,
            lease: kv.lease,
        },
        None => Version::tombstone(revision),
    };
    let lease_of = |kv: &Option<KeyValue>| kv.as_ref().map_or(0, |kv| kv.lease);
    state.move_key(&key, lease_of(&previous), lease_of(&current));
    state.push_version(&key, version);
    Event { key, current, previous, revision }
}
