//! Bad and too large requests: each is refused with the bound and what was asked, on any member, and does nothing.

use std::sync::Arc;

use bytes::Bytes;
use xebec_kv::{Compare, KeyRange, Op, PastError, RangeRead, Rejection, Txn};
use xebec_proto::peer::{ProposeRequest, TooLarge, propose_response};

use super::fleet::{Fleet, put, soon};
use crate::network::{Lane, Peers, TlsNetwork};
use crate::{Store, StoreError, Tuning, WatchError, WatchOptions};

fn ops(success: Vec<Op>) -> Txn {
    Txn { success, ..Txn::default() }
}

fn get(key: &'static str) -> Op {
    Op::Get { key: Bytes::from_static(key.as_bytes()) }
}

fn put_op(key: &str, bytes: usize) -> Op {
    Op::Put { key: Bytes::copy_from_slice(key.as_bytes()), value: vec![0; bytes].into(), lease: 0 }
}

fn read(revision: u64) -> Op {
    Op::Range(RangeRead { range: KeyRange::all(), limit: 0, revision })
}

async fn refusal(store: &Store, txn: Txn) -> String {
    match store.txn(txn, soon()).await {
        Err(StoreError::Rejected(rejection)) => rejection.to_string(),
        Err(error) => error.to_string(),
        Ok(outcome) => panic!("it was taken: {outcome:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_named_with_its_limit() {
    let fleet = Fleet::of(3, Tuning::default()).await;
    let (leader, follower) = (fleet.leader().await, fleet.leader().await % 3 + 1);
    let nested = (0..9).fold(ops(vec![get("/k")]), |inner, _| ops(vec![Op::Txn(inner)]));
    let cases = [
        (put("/k", vec![0; 2 << 20]), "a value is 2097152, more than the limit of 1572864"),
        (put(&"k".repeat(5000), "x"), "a key is 5000, more than the limit of 4096"),
        (ops(vec![put_op("/k", 1 << 20); 5]), "the transaction is 5242890, more than the limit of 4194304"),
        (ops(vec![get("/k"); 2000]), "the number of operations is 2000, more than the limit of 1024"),
        (nested, "transactions are nested 9 deep or more, the limit is 8"),
        (put("", "x"), "a key must not be empty"),
        (Txn { compares: vec![Compare::exists("")], ..Txn::default() }, "a key must not be empty"),
        (ops(vec![read(99)]), "revision 99 is in the future, the newest is 1"),
    ];
    for (txn, expect) in cases {
        for member in [leader, follower] {
            assert_eq!(refusal(fleet.store(member), txn.clone()).await, expect);
        }
    }
    assert!(fleet.stores().all(|store| store.state().revision() == 1), "nothing was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions_that_are_gone_or_to_come_are_named() {
    let fleet = Fleet::of(1, Tuning::default()).await;
    let store = fleet.store(1);
    for n in 0..9 {
        fleet.write(1, "/k", &n.to_string()).await.unwrap();
    }
    store.compact(6, soon()).await.unwrap();
    let state = store.state();
    let gone = PastError::Compacted { requested: 5, oldest: 6 };
    assert_eq!(state.get_at(b"/k", 5), Err(gone));
    assert_eq!(state.scan_at(&KeyRange::all(), 5).err(), Some(gone));
    assert_eq!(state.scan_at(&KeyRange::all(), 11).err(), Some(PastError::Future { requested: 11, current: 10 }));
    assert_eq!(refusal(store, ops(vec![read(5)])).await, "revision 5 is compacted, the oldest kept is 6");
    let watched = store.watch(KeyRange::all(), 6, WatchOptions::default());
    assert_eq!(watched.err(), Some(WatchError::Compacted { requested: 6, resume_from: 7 }));
    for revision in [5, 11] {
        let refused = store.compact(revision, soon()).await;
        let Err(StoreError::Rejected(rejection)) = refused else { panic!("{refused:?}") };
        assert_eq!(rejection, Rejection::CompactOutOfRange { requested: revision, oldest: 6, current: 10 });
    }
}

/// What would not fit into one answer is not read, also for a follower, which has to have the answer sent.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_bounded() {
    let fleet = Fleet::of(3, Tuning::default()).await;
    let follower = fleet.leader().await % 3 + 1;
    for n in 0..4 {
        fleet.store(follower).txn(put(&format!("/{n}"), vec![1; 1_500_000]), soon()).await.unwrap();
    }
    let refused = fleet.store(follower).txn(ops(vec![put_op("/new", 1), read(0)]), soon()).await;
    let Err(StoreError::Rejected(Rejection::AnswerTooLarge { size, limit })) = refused else { panic!("{refused:?}") };
    assert!(size > limit && limit == xebec_kv::MAX_ANSWER_BYTES);
    let two = Op::Range(RangeRead { range: KeyRange::all(), limit: 2, revision: 0 });
    fleet.store(follower).txn(ops(vec![two]), soon()).await.expect("a page is read");
    assert!(fleet.store(follower).state().get(b"/new").is_none());
}

/// Another member may let pass what a record of the log cannot hold; the leader does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_peers_command_is_bounded_too() {
    let fleet = Fleet::of(1, Tuning::default()).await;
    let peers = Peers::new(Arc::new(TlsNetwork::new(fleet.peer_tls().client)), "fleet", 1);
    let mut client = peers.client(&fleet.member(1).peer_address, Lane::Forward).unwrap();
    let command = vec![0; 33 << 20].into();
    let head = ProposeRequest { envelope: Some(peers.envelope(1)), ..ProposeRequest::default() };
    let request = ProposeRequest { command, id: 7, ..ProposeRequest::default() };
    let mut answers = client.propose(futures::stream::iter([head, request])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().expect("it is answered");
    let refused = TooLarge { size: 33 << 20, limit: 31 << 20 };
    assert_eq!((answer.id, answer.outcome), (7, Some(propose_response::Outcome::TooLarge(refused))));
    fleet.write(1, "/k", "x").await.expect("it goes on");
}
