//! What the model does not cover: leases, sessions, damage.

use bytes::Bytes;
use xebec_kv::{
    Body, COMPACTION_STEP, Command, Compare, KEPT_ANSWER_BYTES, KeyRange, MAX_ANSWER_BYTES, MAX_LEASE_KEYS,
    MAX_RANGE_KEYS, MAX_TXN_DEPTH, Op, OpResponse, Outcome, PastError, RangeRead, Rejection, RequestId, RestoreError,
    State, Txn, TxnOutcome, VersionRecord,
};

fn run(state: &mut State, time_ms: u64, body: Body) -> (Outcome, Vec<String>) {
    let applied = state.apply(&Command { request_id: RequestId::default(), time_ms, body });
    let keys = applied.events.iter().map(|event| String::from_utf8_lossy(&event.key).into_owned()).collect();
    (applied.outcome, keys)
}

fn put(key: &'static str, value: &'static str, lease: u64) -> Body {
    let op = Op::Put { key: Bytes::from_static(key.as_bytes()), value: Bytes::from_static(value.as_bytes()), lease };
    Body::Txn(Txn { success: vec![op], ..Txn::default() })
}

#[test]
fn a_lease_takes_its_keys_along_in_one_revision() {
    let mut state = State::default();
    run(&mut state, 1_000, Body::LeaseGrant { id: 5, ttl_ms: 500 });
    run(&mut state, 1_100, put("/a", "1", 5));
    run(&mut state, 1_100, put("/b", "1", 5));
    run(&mut state, 1_100, put("/c", "1", 5));
    run(&mut state, 1_200, put("/c", "kept", 0));
    run(&mut state, 1_400, Body::LeaseRenew { id: 5 });
    assert_eq!(state.expired_leases(1_899).count(), 0, "renewed at 1400");
    assert_eq!(state.expired_leases(1_900).collect::<Vec<_>>(), [5]);
    let (outcome, keys) = run(&mut state, 1_900, Body::LeaseRevoke { id: 5 });
    assert_eq!((outcome, keys), (Outcome::Done { revision: 6 }, vec!["/a".to_owned(), "/b".to_owned()]));
    assert_eq!(state.count(b""), 1);
    let missing = Outcome::Rejected(Rejection::LeaseNotFound { id: 5 });
    assert_eq!(run(&mut state, 2_000, put("/d", "1", 5)).0, missing);
    assert_eq!(run(&mut state, 2_000, Body::LeaseRenew { id: 5 }).0, missing);
}

#[test]
fn time_never_goes_back() {
    let mut state = State::default();
    run(&mut state, 5_000, put("/a", "1", 0));
    run(&mut state, 3_000, Body::LeaseGrant { id: 1, ttl_ms: 100 });
    assert_eq!(state.time_ms(), 5_000);
    assert_eq!(state.lease(1).map(|lease| lease.expires_ms), Some(5_100));
}

#[test]
fn requests_are_applied_once_in_any_order_and_forgotten_when_settled() {
    let mut state = State::default();
    let request = |sequence, settled_below, value| {
        let request_id = RequestId { session: 3, sequence, settled_below };
        Command { request_id, time_ms: 0, body: put("/k", value, 0) }
    };
    let second = state.apply(&request(2, 1, "second"));
    let first = state.apply(&request(1, 1, "first"));
    assert_eq!(state.apply(&request(2, 1, "second")).outcome, second.outcome, "its old answer");
    assert_eq!(state.apply(&request(1, 1, "first")).outcome, first.outcome);
    assert_eq!(state.revision(), 3);
    state.apply(&request(3, 3, "third"));
    let late = state.apply(&request(2, 1, "second"));
    assert_eq!(late.outcome, Outcome::Rejected(Rejection::Settled { session: 3, sequence: 2 }));
    assert_eq!(state.get(b"/k").unwrap().value, "third");
}

#[test]
fn bad_commands_change_nothing() {
    let mut state = State::default();
    run(&mut state, 0, put("/a", "1", 0));
    let hash = state.hash();
    let empty = Txn { success: vec![Op::Get { key: Bytes::new() }], ..Txn::default() };
    assert_eq!(run(&mut state, 0, Body::Txn(empty)).0, Outcome::Rejected(Rejection::EmptyKey));
    for requested in [0, 3] {
        let refused = Rejection::CompactOutOfRange { requested, oldest: 0, current: 2 };
        assert_eq!(run(&mut state, 0, Body::Compact { revision: requested }).0, Outcome::Rejected(refused));
    }
    assert_eq!(state.hash(), hash);
}

#[test]
fn the_past_ends_where_it_was_compacted() {
    let mut state = State::default();
    for value in ["1", "2", "3"] {
        run(&mut state, 0, put("/a", value, 0));
    }
    run(&mut state, 0, Body::Compact { revision: 3 });
    assert_eq!(state.get_at(b"/a", 2), Err(PastError::Compacted { requested: 2, oldest: 3 }));
    assert_eq!(state.get_at(b"/a", 3).unwrap().unwrap().value, "2");
    assert_eq!(state.get_at(b"/a", 9), Err(PastError::Future { requested: 9, current: 4 }));
}

#[test]
fn damaged_records_do_not_make_a_state() {
    let mut state = State::default();
    for value in ["1", "2"] {
        run(&mut state, 0, put("/a", value, 0));
        run(&mut state, 0, put("/b", value, 0));
    }
    let records: Vec<VersionRecord> = state.records().collect();
    let restore = |records: Vec<VersionRecord>| {
        State::restore(&state.header(), records.into_iter().map(Ok::<_, RestoreError>)).map(|state| state.hash())
    };
    assert_eq!(restore(records.clone()), Ok(state.hash()));
    let mut changed = records.clone();
    changed[1].value = Some(Bytes::from_static(b"x"));
    assert!(matches!(restore(changed), Err(RestoreError::Hash { .. })));
    assert!(matches!(restore(records[1..].to_vec()), Err(RestoreError::Count { .. })));
    let backwards = records.into_iter().rev().collect();
    assert!(matches!(restore(backwards), Err(RestoreError::Order { .. })));
}

/// A checkpoint that was interrupted holds records of later revisions, and some that were compacted.
#[test]
fn superfluous_records_are_passed_over() {
    let mut state = State::default();
    for value in ["1", "2", "3"] {
        run(&mut state, 0, put("/a", value, 0));
    }
    let mut records: Vec<VersionRecord> = state.records().collect();
    run(&mut state, 0, Body::Compact { revision: 4 });
    let then = state.clone();
    run(&mut state, 0, put("/a", "later", 0));
    records.extend(state.records().filter(|record| record.mod_revision > 4));
    let restored = State::restore(&then.header(), records.into_iter().map(Ok::<_, RestoreError>)).unwrap();
    assert_eq!(restored.hash(), then.hash());
    assert_eq!(restored.records().count(), 1);
}

fn apply_txn(state: &mut State, txn: Txn) -> Outcome {
    run(state, 0, Body::Txn(txn)).0
}

fn ops(ops: Vec<Op>) -> Txn {
    Txn { success: ops, ..Txn::default() }
}

fn put_op(key: String, bytes: usize, lease: u64) -> Op {
    Op::Put { key: key.into(), value: vec![7; bytes].into(), lease }
}

fn read(range: KeyRange) -> Op {
    Op::Range(RangeRead { range, limit: 0, revision: 0 })
}

/// What a nested transaction compares is the state before the whole, and what it reads is what was done so far.
#[test]
fn a_nested_transaction_compares_the_past_and_reads_the_present() {
    let mut state = State::default();
    let key = Bytes::from_static(b"/k");
    let nested = Txn {
        compares: vec![Compare::absent(key.clone())],
        success: vec![Op::Get { key: key.clone() }, Op::Delete { key: key.clone() }],
        failure: Vec::new(),
    };
    let outcome =
        apply_txn(&mut state, ops(vec![put_op("/k".to_owned(), 1, 0), Op::Txn(nested), read(KeyRange::all())]));
    let Outcome::Txn(TxnOutcome { revision: 1, responses, .. }) = outcome else { panic!("{outcome:?}") };
    let [
        OpResponse::Put,
        OpResponse::Txn { succeeded: true, responses: inner },
        OpResponse::Range { items, more: false },
    ] = &responses[..]
    else {
        panic!("{responses:?}")
    };
    assert!(
        matches!(&inner[..], [OpResponse::Get { current: Some(_) }, OpResponse::Deleted { count: 1 }]),
        "{inner:?}"
    );
    assert!(items.is_empty(), "it was deleted again, and nothing happened in sum");
}

#[test]
fn a_transaction_that_cannot_end_has_not_begun() {
    let mut state = State::default();
    let late = |op: Op| ops(vec![put_op("/new".to_owned(), 1, 0), op]);
    let past = |revision| Op::Range(RangeRead { range: KeyRange::all(), limit: 1, revision });
    let future = PastError::Future { requested: 9, current: 1 };
    assert_eq!(apply_txn(&mut state, late(past(9))), Outcome::Rejected(future.into()));
    let missing = Rejection::LeaseNotFound { id: 3 };
    assert_eq!(apply_txn(&mut state, late(put_op("/b".to_owned(), 1, 3))), Outcome::Rejected(missing));
    assert_eq!((state.revision(), state.count(b"")), (1, 0));
    for n in 0..4 {
        run(&mut state, 0, put("/a", "1", 0));
        assert_eq!(state.revision(), n + 2);
    }
    run(&mut state, 0, Body::Compact { revision: 4 });
    let compacted = PastError::Compacted { requested: 3, oldest: 4 };
    assert_eq!(apply_txn(&mut state, late(past(3))), Outcome::Rejected(compacted.into()));
    let unreached = Txn { compares: vec![Compare::exists("/a")], failure: vec![past(3)], ..Txn::default() };
    assert!(matches!(apply_txn(&mut state, unreached), Outcome::Txn(_)), "what does not run is not judged");
}

#[test]
fn a_transaction_costs_no_more_than_it_may() {
    let mut state = State::default();
    let mut deep = ops(vec![]);
    for depth in 2..=MAX_TXN_DEPTH {
        deep = ops(vec![Op::Txn(deep)]);
        assert!(matches!(apply_txn(&mut state, deep.clone()), Outcome::Txn(_)), "{depth} deep");
    }
    let refused = apply_txn(&mut state, ops(vec![Op::Txn(deep)]));
    let Outcome::Rejected(rejection @ Rejection::TooDeep { .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(rejection.to_string(), "transactions are nested 9 deep or more, the limit is 8");

    for n in 0..=MAX_RANGE_KEYS {
        run(&mut state, 0, Body::Txn(ops(vec![put_op(format!("/many/{n:05}"), 1, 0)])));
    }
    let (revision, too_large) =
        (state.revision(), Outcome::Rejected(Rejection::RangeTooLarge { limit: MAX_RANGE_KEYS }));
    assert_eq!(apply_txn(&mut state, ops(vec![Op::DeleteRange { range: KeyRange::prefix("/many/") }])), too_large);
    assert_eq!(apply_txn(&mut state, ops(vec![read(KeyRange::prefix("/many/"))])), too_large);
    assert_eq!(state.revision(), revision);
    let step = Op::DeleteRange { range: KeyRange::between("/many/", "/many/05000") };
    let done = apply_txn(&mut state, ops(vec![step]));
    let Outcome::Txn(TxnOutcome { responses, .. }) = done else { panic!("{done:?}") };
    assert_eq!(responses, [OpResponse::Deleted { count: 5_000 }]);

    for n in 0..5 {
        run(&mut state, 0, Body::Txn(ops(vec![put_op(format!("/large/{n}"), 1 << 20, 0)])));
    }
    let refused = apply_txn(&mut state, ops(vec![read(KeyRange::prefix("/large/"))]));
    let Outcome::Rejected(Rejection::AnswerTooLarge { size, limit: MAX_ANSWER_BYTES }) = refused else {
        panic!("{refused:?}")
    };
    assert!(size > MAX_ANSWER_BYTES);
}

#[test]
fn a_lease_that_is_full_takes_its_own_keys_only() {
    let mut state = State::default();
    run(&mut state, 0, Body::LeaseGrant { id: 1, ttl_ms: 1000 });
    for n in 0..MAX_LEASE_KEYS {
        run(&mut state, 0, Body::Txn(ops(vec![put_op(format!("/{n}"), 1, 1)])));
    }
    let full = Outcome::Rejected(Rejection::LeaseFull { id: 1, limit: MAX_LEASE_KEYS as u64 });
    assert_eq!(apply_txn(&mut state, ops(vec![put_op("/new".to_owned(), 1, 1)])), full);
    assert!(matches!(apply_txn(&mut state, ops(vec![put_op("/0".to_owned(), 2, 1)])), Outcome::Txn(_)));
}

/// The answer to a large read is not kept: asked again, it says so, and does nothing twice.
#[test]
fn a_large_answer_is_given_once() {
    let mut state = State::default();
    run(&mut state, 0, Body::Txn(ops(vec![put_op("/large".to_owned(), KEPT_ANSWER_BYTES as usize, 0)])));
    let body = Body::Txn(ops(vec![Op::Get { key: Bytes::from_static(b"/large") }, put_op("/k".to_owned(), 1, 0)]));
    let command = Command { request_id: RequestId { session: 3, sequence: 1, settled_below: 1 }, time_ms: 0, body };
    assert!(matches!(state.apply(&command).outcome, Outcome::Txn(_)));
    let again = state.apply(&command);
    assert_eq!(again.outcome, Outcome::Rejected(Rejection::AnswerNotKept { session: 3, sequence: 1 }));
    assert_eq!((again.events.len(), state.revision()), (0, 3));
}

/// One command compacts so much and no more; the next goes on where it ended.
#[test]
fn compaction_goes_in_steps() {
    let mut state = State::default();
    for n in 0..3 * COMPACTION_STEP {
        run(&mut state, 0, Body::Txn(ops(vec![put_op(format!("/{}", n % 7), 10, 0)])));
    }
    let target = state.revision();
    let mut steps = Vec::new();
    while state.compact_revision() < target {
        let before = state.compact_revision();
        let (outcome, _) = run(&mut state, 0, Body::Compact { revision: target });
        let Outcome::Compacted { oldest } = outcome else { panic!("{outcome:?}") };
        assert_eq!(oldest, state.compact_revision());
        steps.push(oldest - before);
    }
    assert_eq!(steps, [COMPACTION_STEP + 1, COMPACTION_STEP, COMPACTION_STEP], "nothing happened at revision 1");
    assert_eq!(state.records().count(), 7);

    // Large values count for more: each of them is read to take it out of the hash.
    for _ in 0..100 {
        run(&mut state, 0, Body::Txn(ops(vec![put_op("/large".to_owned(), 1 << 20, 0)])));
    }
    let before = state.compact_revision();
    run(&mut state, 0, Body::Compact { revision: before + 100 });
    let step = state.compact_revision() - before;
    assert!((5..12).contains(&step), "{step} MiB of values in a step");
}
