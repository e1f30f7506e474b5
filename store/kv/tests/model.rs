//! The machine against a model that keeps a full copy of everything at every revision.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use xebec_kv::{
    Body, Change, Command, Compare, Event, KeyValue, Op, OpResponse, Outcome, PastError, RequestId, RestoreError,
    State, Txn, TxnOutcome, VersionRecord, wire,
};

type Keys = BTreeMap<Bytes, KeyValue>;

/// All that ever was: `at[n]` is the store at revision `n + 1`.
struct Model {
    at: Vec<Keys>,
    compacted: u64,
}

impl Model {
    fn new() -> Model {
        Model { at: vec![Keys::new()], compacted: 0 }
    }

    fn revision(&self) -> u64 {
        self.at.len() as u64
    }

    fn keys_at(&self, revision: u64) -> &Keys {
        &self.at[revision as usize - 1]
    }

    fn now(&self) -> &Keys {
        self.keys_at(self.revision())
    }

    fn txn(&mut self, txn: &Txn) -> TxnOutcome {
        let before = self.now().clone();
        let succeeded = txn.compares.iter().all(|compare| holds(&before, compare));
        let ops = if succeeded { &txn.success } else { &txn.failure };
        let mut after = before.clone();
        let revision = self.revision() + 1;
        let responses = ops.iter().map(|op| step(&before, &mut after, op, revision)).collect();
        if before != after {
            self.at.push(after);
        }
        TxnOutcome { succeeded, revision: self.revision(), responses }
    }

    fn events(&self, revision: u64) -> Vec<Event> {
        let (before, after) = (self.keys_at(revision - 1), self.keys_at(revision));
        let keys: std::collections::BTreeSet<&Bytes> = before.keys().chain(after.keys()).collect();
        let changed = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
        let event = |key: &Bytes| Event {
            key: key.clone(),
            current: after.get(key).cloned(),
            previous: before.get(key).cloned(),
            revision,
        };
        changed.map(event).collect()
    }
}

fn holds(keys: &Keys, compare: &Compare) -> bool {
    match compare {
        Compare::Absent { key } => !keys.contains_key(key),
        Compare::Exists { key } => keys.contains_key(key),
        Compare::ModRevision { key, revision } => keys.get(key).map_or(0, |kv| kv.mod_revision) == *revision,
        Compare::Version { key, version } => keys.get(key).map_or(0, |kv| kv.version) == *version,
        Compare::Value { key, value } => keys.get(key).is_some_and(|kv| kv.value == *value),
    }
}

fn step(before: &Keys, after: &mut Keys, op: &Op, revision: u64) -> OpResponse {
    match op {
        Op::Get { key } => OpResponse::Get { current: after.get(key).cloned() },
        Op::Delete { key } => OpResponse::Delete { previous: after.remove(key) },
        Op::DeletePrefix { prefix } => {
            let count = after.len();
            after.retain(|key, _| !key.starts_with(prefix));
            OpResponse::DeletePrefix { deleted: (count - after.len()) as u64 }
        }
        Op::Put { key, value, lease } => {
            let previous = after.get(key).cloned();
            // A version counts the transactions that put the key since it was made.
            let unbroken = previous.as_ref().filter(|kv| kv.create_revision < revision);
            let written = KeyValue {
                key: key.clone(),
                value: value.clone(),
                create_revision: unbroken.map_or(revision, |kv| kv.create_revision),
                mod_revision: revision,
                version: unbroken.map_or(1, |_| before[key].version + 1),
                lease: *lease,
            };
            after.insert(key.clone(), written);
            OpResponse::Put { previous }
        }
    }
}

fn key() -> impl Strategy<Value = Bytes> {
    prop::sample::select(vec!["/a", "/a/1", "/a/2", "/a/22", "/b/1", "/b/2", "/c"])
        .prop_map(|key| Bytes::from_static(key.as_bytes()))
}

fn value() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(0_u8..3, 0..3).prop_map(Bytes::from)
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (key(), value()).prop_map(|(key, value)| Op::Put { key, value, lease: 0 }),
        2 => key().prop_map(|key| Op::Delete { key }),
        1 => prop::sample::select(vec!["/a", "/a/", "/z", ""]).prop_map(|prefix| Op::DeletePrefix { prefix: Bytes::from_static(prefix.as_bytes()) }),
        2 => key().prop_map(|key| Op::Get { key }),
    ]
}

fn compare() -> impl Strategy<Value = Compare> {
    prop_oneof![
        key().prop_map(|key| Compare::Absent { key }),
        key().prop_map(|key| Compare::Exists { key }),
        (key(), 0_u64..20).prop_map(|(key, revision)| Compare::ModRevision { key, revision }),
        (key(), 0_u64..4).prop_map(|(key, version)| Compare::Version { key, version }),
        (key(), value()).prop_map(|(key, value)| Compare::Value { key, value }),
    ]
}

fn txn() -> impl Strategy<Value = Txn> {
    let ops = || prop::collection::vec(op(), 0..4);
    (prop::collection::vec(compare(), 0..2), ops(), ops()).prop_map(|(compares, success, failure)| Txn {
        compares,
        success,
        failure,
    })
}

/// What to do, and how far back to compact.
#[derive(Clone, Debug)]
enum Act {
    Txn(Txn),
    Compact { back: u64 },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![8 => txn().prop_map(Act::Txn), 1 => (0_u64..6).prop_map(|back| Act::Compact { back })]
}

fn command(sequence: u64, body: Body) -> Command {
    let request_id = RequestId { session: 7, sequence, settled_below: sequence.saturating_sub(2) };
    Command { request_id, time_ms: 1000 * sequence, body }
}

/// Everything that can be asked, asked of both.
fn compare_all(state: &State, model: &Model) {
    assert_eq!(state.revision(), model.revision());
    for revision in 1..=model.revision() {
        if revision < model.compacted {
            let refused = PastError::Compacted { requested: revision, oldest: model.compacted };
            assert_eq!(state.get_at(b"/a", revision), Err(refused));
            assert_eq!(state.events_after(revision).err(), Some(refused));
            continue;
        }
        let keys = model.keys_at(revision);
        let found: Vec<KeyValue> = state.range_at(b"", None, revision).expect("it is kept").collect();
        assert_eq!(found, keys.values().cloned().collect::<Vec<_>>(), "at revision {revision}");
        for key in ["/a", "/a/1", "/b/2", "/none"] {
            assert_eq!(state.get_at(key.as_bytes(), revision).expect("it is kept").as_ref(), keys.get(key.as_bytes()));
        }
        let events: Vec<Vec<Event>> = state.events_after(revision).expect("it is kept").collect();
        let expected: Vec<Vec<Event>> = (revision + 1..=model.revision()).map(|later| model.events(later)).collect();
        assert_eq!(events, expected, "after revision {revision}");
    }
    assert!(matches!(state.get_at(b"/a", model.revision() + 1), Err(PastError::Future { .. })));
    let page: Vec<Bytes> = state.range(b"/a", Some(b"/a/1")).map(|kv| kv.key).collect();
    let expected = model.now().keys().filter(|key| key.starts_with(b"/a") && &key[..] > b"/a/1".as_slice());
    assert_eq!(page, expected.cloned().collect::<Vec<_>>());
}

fn rebuild(state: &State) -> Result<State, RestoreError> {
    let header = wire::decode_header(&wire::encode_header(&state.header())).expect("headers survive encoding");
    let records = state.records().map(|record| {
        let decoded = wire::decode_record(&wire::encode_record(&record)).expect("records survive encoding");
        assert_eq!(decoded, record);
        Ok(decoded)
    });
    State::restore(&header, records)
}

/// The versions of `older`, with the changes to `newer` applied.
fn patched(older: &State, newer: &State) -> BTreeMap<(u64, Bytes), VersionRecord> {
    let named = |record: VersionRecord| ((record.mod_revision, record.key.clone()), record);
    let mut records: BTreeMap<_, _> = older.records().map(named).collect();
    for change in newer.changes_since(older) {
        match change {
            Change::Added(record) => {
                assert!(records.insert((record.mod_revision, record.key.clone()), record).is_none())
            }
            Change::Removed { key, mod_revision } => assert!(records.remove(&(mod_revision, key)).is_some()),
        }
    }
    records
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_is_the_model(acts in prop::collection::vec(act(), 1..40)) {
        let (mut state, mut model) = (State::default(), Model::new());
        let mut checkpoint = state.clone();
        for (sequence, act) in acts.into_iter().enumerate() {
            let revision_before = model.revision();
            let (body, expected) = match act {
                Act::Txn(txn) => {
                    let outcome = Outcome::Txn(model.txn(&txn));
                    (Body::Txn(txn), Some(outcome))
                }
                Act::Compact { back } => {
                    let revision = model.revision().saturating_sub(back).max(1);
                    model.compacted = model.compacted.max(revision);
                    (Body::Compact { revision }, None)
                }
            };
            let command = command(sequence as u64, body);
            let encoded = wire::encode_body(&command.request_id, &command.body);
            prop_assert_eq!(wire::decode_body(&encoded).unwrap(), (command.request_id, command.body.clone()));
            let applied = state.apply(&command);
            let outcome = wire::decode_outcome(&wire::encode_outcome(&applied.outcome)).unwrap();
            prop_assert_eq!(&outcome, &applied.outcome);
            if let Some(expected) = expected {
                prop_assert_eq!(&applied.outcome, &expected);
            }
            if model.revision() > revision_before {
                prop_assert_eq!(&applied.events, &model.events(model.revision()));
            } else {
                prop_assert!(applied.events.is_empty());
            }
            // Proposed again, it answers the same and does nothing.
            let hash = state.hash();
            let again = state.apply(&command);
            prop_assert_eq!(&again.outcome, &applied.outcome);
            prop_assert!(again.events.is_empty());
            prop_assert_eq!(state.hash(), hash);
            if sequence % 7 == 3 {
                let records: BTreeMap<_, _> = state.records().map(|r| ((r.mod_revision, r.key.clone()), r)).collect();
                prop_assert_eq!(patched(&checkpoint, &state), records);
                checkpoint = state.clone();
            }
        }
        compare_all(&state, &model);
        let rebuilt = rebuild(&state).unwrap();
        prop_assert_eq!(rebuilt.hash(), state.hash());
        compare_all(&rebuilt, &model);
    }
}
