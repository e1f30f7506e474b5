//! Transactions: compare, then run operations on an overlay, then write the overlay as one revision.
//!
//! A key that one transaction touches several times gets one version and one event, of its last value.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::chain::Version;
use crate::model::{Compare, Event, KeyValue, Op, OpResponse, Outcome, Rejection, Txn, TxnOutcome};
use crate::state::State;

impl State {
    pub(crate) fn run_txn(&mut self, txn: &Txn) -> (Outcome, Vec<Event>) {
        if let Some(rejection) = self.refuse(txn) {
            return (Outcome::Rejected(rejection), Vec::new());
        }
        let succeeded = txn.compares.iter().all(|compare| self.holds(compare));
        let ops = if succeeded { &txn.success } else { &txn.failure };
        let mut overlay = Overlay::new(self);
        let responses = ops.iter().map(|op| overlay.run(op)).collect();
        let events = overlay.finish().commit(self);
        (Outcome::Txn(TxnOutcome { succeeded, revision: self.revision, responses }), events)
    }

    fn refuse(&self, txn: &Txn) -> Option<Rejection> {
        txn.success.iter().chain(&txn.failure).find_map(|op| match op {
            Op::Put { key, .. } | Op::Delete { key } | Op::Get { key } if key.is_empty() => Some(Rejection::EmptyKey),
            Op::Put { lease, .. } if *lease != 0 && !self.leases.contains_key(lease) => {
                Some(Rejection::LeaseNotFound { id: *lease })
            }
            _ => None,
        })
    }

    fn holds(&self, compare: &Compare) -> bool {
        match compare {
            Compare::Absent { key } => self.get(key).is_none(),
            Compare::Exists { key } => self.get(key).is_some(),
            Compare::ModRevision { key, revision } => self.get(key).map_or(0, |kv| kv.mod_revision) == *revision,
            Compare::Version { key, version } => self.get(key).map_or(0, |kv| kv.version) == *version,
            Compare::Value { key, value } => self.get(key).is_some_and(|kv| kv.value == *value),
        }
    }
}

/// The writes of a transaction that runs, over the state it started from.
pub(crate) struct Overlay<'a> {
    base: &'a State,
    /// The keys written, as they will be; `None`: deleted.
    writes: BTreeMap<Bytes, Option<KeyValue>>,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(base: &'a State) -> Overlay<'a> {
        Overlay { base, writes: BTreeMap::new() }
    }

    fn run(&mut self, op: &Op) -> OpResponse {
        match op {
            Op::Put { key, value, lease } => OpResponse::Put { previous: self.put(key, value, *lease) },
            Op::Delete { key } => OpResponse::Delete { previous: self.delete(key) },
            Op::DeletePrefix { prefix } => OpResponse::DeletePrefix { deleted: self.delete_prefix(prefix) },
            Op::Get { key } => OpResponse::Get { current: self.get(key) },
        }
    }

    fn get(&self, key: &Bytes) -> Option<KeyValue> {
        match self.writes.get(key) {
            Some(written) => written.clone(),
            None => self.base.get(key),
        }
    }

    fn put(&mut self, key: &Bytes, value: &Bytes, lease: u64) -> Option<KeyValue> {
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
        previous
    }

    pub(crate) fn delete(&mut self, key: &Bytes) -> Option<KeyValue> {
        let previous = self.get(key);
        if previous.is_some() {
            self.writes.insert(key.clone(), None);
        }
        previous
    }

    fn delete_prefix(&mut self, prefix: &Bytes) -> u64 {
        let written = self.writes.range(prefix.clone()..).map(|(key, _)| key.clone());
        let written = written.take_while(|key| key.starts_with(prefix));
        let stored = self.base.range(prefix, None).map(|kv| kv.key);
        let keys: std::collections::BTreeSet<Bytes> = written.chain(stored).collect();
        keys.iter().filter(|key| self.delete(key).is_some()).count() as u64
    }

    /// Ends the borrow of the state.
    pub(crate) fn finish(self) -> Writes {
        let unborn = |base: &State, key: &Bytes, write: &Option<KeyValue>| write.is_none() && base.get(key).is_none();
        let base = self.base;
        Writes(self.writes.into_iter().filter(|(key, write)| !unborn(base, key, write)).collect())
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
