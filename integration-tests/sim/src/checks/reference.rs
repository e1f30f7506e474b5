//! What happened, as the members applied it: every revision with its changes.

use std::collections::BTreeMap;

use xebec_store::kv::{Event, Revision};

use crate::record::{Key, Record, Value, key_of, value_of};

/// The one history that all members share; whether they do, `agreement.rs` checks.
pub(super) struct Reference {
    pub(super) revisions: BTreeMap<Revision, Vec<Event>>,
    keys: BTreeMap<Key, BTreeMap<Revision, Option<Value>>>,
}

impl Reference {
    pub(super) fn of(record: &Record) -> Reference {
        let mut reference = Reference { revisions: BTreeMap::new(), keys: BTreeMap::new() };
        for heard in &record.heard {
            let Some(revision) = heard.events.first().map(|event| event.revision) else { continue };
            if reference.revisions.contains_key(&revision) {
                continue;
            }
            reference.revisions.insert(revision, heard.events.clone());
            for (key, event) in heard.events.iter().filter_map(|event| Some((key_of(&event.key)?, event))) {
                reference.keys.entry(key).or_default().insert(revision, current(event));
            }
        }
        reference
    }

    /// A key as it stood at a revision.
    pub(super) fn value_at(&self, key: Key, revision: Revision) -> Option<Value> {
        self.keys.get(&key)?.range(..=revision).next_back().and_then(|(_, value)| *value)
    }

    /// What a revision made of a key; `None`: it did not touch it.
    pub(super) fn change(&self, key: Key, revision: Revision) -> Option<Option<Value>> {
        self.keys.get(&key)?.get(&revision).copied()
    }

    /// All values that were put: revision, key, value.
    pub(super) fn puts(&self) -> impl Iterator<Item = (Revision, Key, Value)> {
        let of_key = |(key, changes): (&Key, &BTreeMap<Revision, Option<Value>>)| {
            let key = *key;
            let puts = changes.iter().filter_map(move |(revision, value)| Some((*revision, key, (*value)?)));
            puts.collect::<Vec<_>>()
        };
        self.keys.iter().flat_map(of_key)
    }

    /// The newest revision.
    pub(super) fn last(&self) -> Revision {
        self.revisions.keys().next_back().copied().unwrap_or_default()
    }
}

/// The value after a change.
pub(super) fn current(event: &Event) -> Option<Value> {
    event.current.as_ref().and_then(|now| value_of(&now.value))
}

/// The value before a change.
pub(super) fn previous(event: &Event) -> Option<Value> {
    event.previous.as_ref().and_then(|before| value_of(&before.value))
}
