//! The machine against a model that keeps a full copy of everything at every revision.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::prelude::*;
use xebec_kv::{
    Body, Change, Command, Compare, Event, KeyRange, KeyValue, Op, OpResponse, Operand, Outcome, PastError, RangeRead,
    Rejection, Relation, RequestId, RestoreError, State, Txn, TxnOutcome, VersionRecord, wire,
};

type Keys = BTreeMap<Bytes, KeyValue>;

/// All that ever was: `at[n]` is the store at revision `n + 1`.
struct Model {
    at: Vec<Keys>,
    compacted: u64,
    leases: BTreeSet<u64>,
}

impl Model {
    fn new() -> Model {
        Model { at: vec![Keys::new()], compacted: 0, leases: BTreeSet::new() }
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

    fn txn(&mut self, txn: &Txn) -> Outcome {
        let mut after = self.now().clone();
        match self.run(&mut after, txn) {
            Err(rejection) => Outcome::Rejected(rejection),
            Ok((succeeded, responses)) => {
                self.turn_into(after);
                Outcome::Txn(TxnOutcome { succeeded, revision: self.revision(), responses })
            }
        }
    }

    fn turn_into(&mut self, after: Keys) {
        if *self.now() != after {
            self.at.push(after);
        }
    }

    fn run(&self, after: &mut Keys, txn: &Txn) -> Result<(bool, Vec<OpResponse>), Rejection> {
        let succeeded = txn.compares.iter().all(|compare| holds(self.now(), compare));
        let ops = if succeeded { &txn.success } else { &txn.failure };
        let responses = ops.iter().map(|op| self.step(after, op)).collect::<Result<_, _>>()?;
        Ok((succeeded, responses))
    }

    fn step(&self, after: &mut Keys, op: &Op) -> Result<OpResponse, Rejection> {
        Ok(match op {
            Op::Get { key } => OpResponse::Get { current: after.get(key).cloned() },
            Op::Delete { key } => OpResponse::Deleted { count: u64::from(after.remove(key).is_some()) },
            Op::DeleteRange { range } => {
                let count = after.len();
                after.retain(|key, _| !range.contains(key));
                OpResponse::Deleted { count: (count - after.len()) as u64 }
            }
            Op::Range(read) => self.range(after, read)?,
            Op::Txn(nested) => {
                let (succeeded, responses) = self.run(after, nested)?;
                OpResponse::Txn { succeeded, responses }
            }
            Op::Put { lease, .. } if *lease != 0 && !self.leases.contains(lease) => {
                return Err(Rejection::LeaseNotFound { id: *lease });
            }
            Op::Put { key, value, lease } => {
                self.put(after, key, value, *lease);
                OpResponse::Put
            }
        })
    }

    fn put(&self, after: &mut Keys, key: &Bytes, value: &Bytes, lease: u64) {
        let revision = self.revision() + 1;
        // A version counts the transactions that put the key since it was made.
        let unbroken = after.get(key).filter(|kv| kv.create_revision < revision);
        let written = KeyValue {
            key: key.clone(),
            value: value.clone(),
            create_revision: unbroken.map_or(revision, |kv| kv.create_revision),
            mod_revision: revision,
            version: unbroken.map_or(1, |_| self.now()[key].version + 1),
            lease,
        };
        after.insert(key.clone(), written);
    }

    fn range(&self, after: &Keys, read: &RangeRead) -> Result<OpResponse, Rejection> {
        let keys = match read.revision {
            0 => after,
            revision if revision < self.compacted => {
                return Err(PastError::Compacted { requested: revision, oldest: self.compacted }.into());
            }
            revision if revision > self.revision() => {
                return Err(PastError::Future { requested: revision, current: self.revision() }.into());
            }
            revision => self.keys_at(revision),
        };
        let found: Vec<KeyValue> =
            keys.iter().filter(|(key, _)| read.range.contains(key)).map(|(_, kv)| kv.clone()).collect();
        let wanted = if read.limit == 0 { found.len() } else { found.len().min(read.limit as usize) };
        Ok(OpResponse::Range { more: wanted < found.len(), items: found[..wanted].to_vec() })
    }

    fn grant(&mut self, id: u64) {
        self.leases.insert(id);
    }

    fn revoke(&mut self, id: u64) -> bool {
        let existed = self.leases.remove(&id);
        let mut after = self.now().clone();
        after.retain(|_, kv| !existed || kv.lease != id);
        self.turn_into(after);
        existed
    }

    fn events(&self, revision: u64) -> Vec<Event> {
        let (before, after) = (self.keys_at(revision - 1), self.keys_at(revision));
        let keys: BTreeSet<&Bytes> = before.keys().chain(after.keys()).collect();
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
    let found = keys.get(&compare.key);
    let (found, wanted) = match &compare.operand {
        Operand::CreateRevision(wanted) => (found.map_or(0, |kv| kv.create_revision), *wanted),
        Operand::ModRevision(wanted) => (found.map_or(0, |kv| kv.mod_revision), *wanted),
        Operand::Version(wanted) => (found.map_or(0, |kv| kv.version), *wanted),
        Operand::Lease(wanted) => (found.map_or(0, |kv| kv.lease), *wanted),
        Operand::Value(wanted) => return found.is_some_and(|kv| relate(&kv.value, wanted, compare.relation)),
    };
    relate(&found, &wanted, compare.relation)
}

fn relate<T: Ord>(found: &T, wanted: &T, relation: Relation) -> bool {
    match relation {
        Relation::Equal => found == wanted,
        Relation::NotEqual => found != wanted,
        Relation::Less => found < wanted,
        Relation::Greater => found > wanted,
    }
}

fn key() -> impl Strategy<Value = Bytes> {
    prop::sample::select(vec!["/a", "/a/1", "/a/2", "/a/22", "/b/1", "/b/2", "/c"])
        .prop_map(|key| Bytes::from_static(key.as_bytes()))
}

fn value() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(0_u8..3, 0..3).prop_map(Bytes::from)
}

fn range() -> impl Strategy<Value = KeyRange> {
    prop_oneof![
        prop::sample::select(vec!["/a", "/a/", "/z", ""]).prop_map(KeyRange::prefix),
        (key(), key()).prop_map(|(start, end)| KeyRange::between(start, end)),
        key().prop_map(KeyRange::from),
        key().prop_map(|key| KeyRange::key(&key)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let lease = || prop_oneof![4 => Just(0_u64), 2 => 1_u64..4];
    prop_oneof![
        5 => (key(), value(), lease()).prop_map(|(key, value, lease)| Op::Put { key, value, lease }),
        2 => key().prop_map(|key| Op::Delete { key }),
        1 => range().prop_map(|range| Op::DeleteRange { range }),
        2 => key().prop_map(|key| Op::Get { key }),
        2 => (range(), 0_u64..4, prop_oneof![2 => Just(0_u64), 1 => 1_u64..25])
            .prop_map(|(range, limit, revision)| Op::Range(RangeRead { range, limit, revision })),
    ]
}

fn compare() -> impl Strategy<Value = Compare> {
    let operand = prop_oneof![
        (0_u64..20).prop_map(Operand::ModRevision),
        (0_u64..20).prop_map(Operand::CreateRevision),
        (0_u64..4).prop_map(Operand::Version),
        (0_u64..4).prop_map(Operand::Lease),
        value().prop_map(Operand::Value),
    ];
    let relation = prop::sample::select(vec![Relation::Equal, Relation::NotEqual, Relation::Less, Relation::Greater]);
    (key(), relation, operand).prop_map(|(key, relation, operand)| Compare { key, relation, operand })
}

/// Transactions, up to three deep.
fn txn() -> impl Strategy<Value = Txn> {
    let flat = txn_of(op().boxed());
    flat.prop_recursive(2, 24, 4, |inner| txn_of(prop_oneof![6 => op(), 1 => inner.prop_map(Op::Txn)].boxed()))
}

fn txn_of(op: BoxedStrategy<Op>) -> impl Strategy<Value = Txn> {
    let ops = move || prop::collection::vec(op.clone(), 0..4);
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
    Compact {
        back: u64,
    },
    Grant {
        id: u64,
    },
    Revoke {
        id: u64,
    },
    HashCheck,
    /// An old command comes again.
    Again {
        back: usize,
    },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        16 => txn().prop_map(Act::Txn),
        2 => (0_u64..6).prop_map(|back| Act::Compact { back }),
        3 => (1_u64..4).prop_map(|id| Act::Grant { id }),
        1 => (1_u64..4).prop_map(|id| Act::Revoke { id }),
        1 => Just(Act::HashCheck),
        2 => (1_usize..4).prop_map(|back| Act::Again { back }),
    ]
}

fn command(sequence: u64, body: Body) -> Command {
    let request_id = RequestId { session: 7, sequence, settled_below: sequence.saturating_sub(2) };
    Command { request_id, time_ms: 1000 * sequence, body }
}

/// Everything that can be asked, asked of both.
fn compare_all(state: &State, model: &Model) {
    assert_eq!((state.revision(), state.keys()), (model.revision(), model.now().len() as u64));
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
    for id in &model.leases {
        let keys: Vec<Bytes> = state.lease(*id).expect("it was granted").keys.iter().cloned().collect();
        let expected = model.now().values().filter(|kv| kv.lease == *id).map(|kv| kv.key.clone());
        assert_eq!(keys, expected.collect::<Vec<_>>(), "of lease {id}");
    }
}

/// The whole in pages of two keys, at one revision.
fn paged(state: &State, revision: u64) -> Vec<KeyValue> {
    let (mut found, mut left) = (Vec::new(), KeyRange::all());
    loop {
        let page: Vec<KeyValue> = state.scan_at(&left, revision).expect("it is kept").take(2).collect();
        let Some(last) = page.last() else { return found };
        left = left.after(&last.key);
        found.extend(page);
    }
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
        let mut commands: Vec<(Command, Outcome)> = Vec::new();
        // Who reads all of history in pages, whatever happens meanwhile, reads the state as it was.
        let mut paging: Option<(u64, Keys)> = None;
        for (sequence, act) in acts.into_iter().enumerate() {
            let revision_before = model.revision();
            let (body, expected) = match act {
                Act::Again { back } => {
                    let Some((command, outcome)) = commands.len().checked_sub(back).and_then(|n| commands.get(n)) else { continue };
                    let hash = state.hash();
                    let again = state.apply(command);
                    let settled = command.request_id.sequence + 2 < commands.last().map_or(0, |(last, _)| last.request_id.sequence);
                    if !settled {
                        prop_assert_eq!(&again.outcome, outcome);
                    }
                    prop_assert!(again.events.is_empty());
                    prop_assert_eq!(state.hash(), hash);
                    continue;
                }
                Act::Txn(txn) => {
                    let outcome = model.txn(&txn);
                    (Body::Txn(txn), outcome)
                }
                Act::Compact { back } => {
                    let revision = model.revision().saturating_sub(back).max(1);
                    let (oldest, current) = (model.compacted, model.revision());
                    let outcome = if revision > oldest {
                        Outcome::Compacted { oldest: revision }
                    } else {
                        Outcome::Rejected(Rejection::CompactOutOfRange { requested: revision, oldest, current })
                    };
                    model.compacted = oldest.max(revision);
                    (Body::Compact { revision }, outcome)
                }
                Act::Grant { id } => {
                    model.grant(id);
                    (Body::LeaseGrant { id, ttl_ms: 1000 }, Outcome::Done { revision: model.revision() })
                }
                Act::Revoke { id } => {
                    let done = model.revoke(id);
                    let outcome = if done {
                        Outcome::Done { revision: model.revision() }
                    } else {
                        Outcome::Rejected(Rejection::LeaseNotFound { id })
                    };
                    (Body::LeaseRevoke { id }, outcome)
                }
                Act::HashCheck => {
                    let mark = |state: &State| xebec_kv::HashMark { id: 9, revision: state.revision(), hash: state.hash() };
                    let mut stamped = state.clone();
                    stamped.apply(&Command { request_id: RequestId::default(), ..command(sequence as u64, Body::LeaseRenew { id: 0 }) });
                    (Body::HashCheck { id: 9 }, Outcome::Hash(mark(&stamped)))
                }
            };
            let command = command(sequence as u64, body);
            let encoded = wire::encode_body(&command.request_id, &command.body);
            prop_assert_eq!(wire::decode_body(&encoded).unwrap(), (command.request_id, command.body.clone()));
            let applied = state.apply(&command);
            let outcome = wire::decode_outcome(&wire::encode_outcome(&applied.outcome)).unwrap();
            prop_assert_eq!(&outcome, &applied.outcome);
            prop_assert_eq!(&applied.outcome, &expected);
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
            commands.push((command, applied.outcome));
            if sequence % 5 == 2 {
                paging = Some((model.revision(), model.now().clone()));
            }
            if let Some((revision, keys)) = paging.as_ref().filter(|(revision, _)| *revision >= model.compacted) {
                prop_assert_eq!(paged(&state, *revision), keys.values().cloned().collect::<Vec<_>>());
            }
            if sequence % 7 == 3 {
                let records: BTreeMap<_, _> = state.records().map(|r| ((r.mod_revision, r.key.clone()), r)).collect();
                prop_assert!(records.keys().all(|(revision, key)| state.holds(key, *revision)));
                prop_assert_eq!(patched(&checkpoint, &state), records);
                checkpoint = state.clone();
            }
        }
        compare_all(&state, &model);
        let rebuilt = rebuild(&state).unwrap();
        prop_assert_eq!(rebuilt.hash(), state.hash());
        compare_all(&rebuilt, &model);
    }

    /// However the way to a revision is cut into steps, compaction ends with the same state.
    #[test]
    fn compaction_in_steps_is_compaction(txns in prop::collection::vec(txn(), 1..30), steps in prop::collection::vec(1_u64..5, 1..20)) {
        let mut state = State::default();
        let run = |state: &mut State, body: Body| state.apply(&Command { request_id: RequestId::default(), time_ms: 0, body });
        txns.into_iter().for_each(|txn| drop(run(&mut state, Body::Txn(txn))));
        let (mut stepwise, mut at_once) = (state.clone(), state.clone());
        let mut reached = 0;
        for step in steps {
            reached = (reached + step).min(state.revision());
            run(&mut stepwise, Body::Compact { revision: reached });
        }
        run(&mut at_once, Body::Compact { revision: reached });
        prop_assert_eq!(stepwise.hash(), at_once.hash());
        prop_assert_eq!(stepwise.records().collect::<Vec<_>>(), at_once.records().collect::<Vec<_>>());
        // What is still readable reads as before.
        for revision in reached..=state.revision() {
            let before: Vec<KeyValue> = state.scan_at(&KeyRange::all(), revision).unwrap().collect();
            prop_assert_eq!(stepwise.scan_at(&KeyRange::all(), revision).unwrap().collect::<Vec<_>>(), before);
        }
    }
}
