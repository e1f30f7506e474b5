//! What the model does not cover: leases, sessions, damage.

use bytes::Bytes;
use xebec_kv::{Body, Command, Op, Outcome, PastError, Rejection, RequestId, RestoreError, State, Txn, VersionRecord};

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
