//! One member alone.

use std::time::Duration;

use bytes::Bytes;
use xebec_kv::{Compare, Op, OpResponse, State, Txn};

use super::fleet::{Fleet, put, soon, until};
use crate::{StoreError, Tuning};

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_read_back_and_survive_restarts() {
    let mut fleet = Fleet::of(1, Tuning::default()).await;
    assert_eq!(fleet.store(1).state().revision(), 1);
    for round in 0..3 {
        for n in 0..40 {
            let outcome = fleet.write(1, &format!("/a/{n}"), &format!("{round}")).await.unwrap();
            assert_eq!(outcome.revision, fleet.store(1).state().revision(), "a proposer sees its own write");
        }
        let (revision, hash) = (fleet.store(1).state().revision(), fleet.store(1).state().hash());
        if round == 1 {
            fleet.kill(1).await
        } else {
            fleet.shutdown(1).await
        }
        let store = fleet.start(1).await.unwrap();
        assert!(store.is_initialized());
        assert_eq!((store.state().revision(), store.state().hash()), (revision, hash));
        assert_eq!(store.read_barrier(soon()).await.unwrap(), revision);
    }
    assert_eq!(fleet.store(1).state().count(b"/a/"), 40);
    assert!(matches!(fleet.store(1).initialize().await, Err(StoreError::AlreadyInitialized)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_comparison_returns_what_is_there() {
    let fleet = Fleet::of(1, Tuning::default()).await;
    fleet.write(1, "/k", "old").await.unwrap();
    let key = Bytes::from_static(b"/k");
    let guarded = Txn {
        compares: vec![Compare::unchanged(key.clone(), 77)],
        success: vec![Op::Put { key: key.clone(), value: Bytes::from_static(b"new"), lease: 0 }],
        failure: vec![Op::Get { key }],
    };
    let outcome = fleet.store(1).txn(guarded, soon()).await.unwrap();
    assert!(!outcome.succeeded);
    assert_eq!(outcome.revision, 2, "nothing changed");
    let [OpResponse::Get { current: Some(current) }] = &outcome.responses[..] else { panic!("{outcome:?}") };
    assert_eq!((&current.value[..], current.mod_revision), (&b"old"[..], 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_named() {
    let fleet = Fleet::of(1, Tuning::default()).await;
    let store = fleet.store(1);
    let large = store.txn(put("/k", vec![0; 2 << 20]), soon()).await.unwrap_err();
    assert_eq!(large.to_string(), "a value is 2097152, more than the limit of 1572864");
    let empty = store.txn(put("", "x"), soon()).await.unwrap_err();
    assert!(matches!(empty, StoreError::Rejected(xebec_kv::Rejection::EmptyKey)), "{empty:?}");
    assert!(matches!(store.transfer_leader(9, soon()).await, Err(StoreError::UnknownMember { id: 9 })));
    assert_eq!(store.state().revision(), 1, "nothing was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_leases_take_their_keys_along() {
    let fleet = Fleet::of(1, Tuning::default()).await;
    let store = fleet.store(1);
    store.lease_grant(7, Duration::from_millis(10), soon()).await.unwrap();
    let op = Op::Put { key: Bytes::from_static(b"/leased"), value: Bytes::from_static(b"x"), lease: 7 };
    store.txn(Txn { success: vec![op], ..Txn::default() }, soon()).await.unwrap();
    until("the key is gone", || store.state().get(b"/leased").is_none()).await;
}

/// Log, history and disk stay bounded while ten keys are overwritten again and again.
#[tokio::test(flavor = "multi_thread")]
async fn log_and_history_are_bounded() {
    let tuning = Tuning {
        segment_bytes: 64 << 10,
        snapshot_entries: 500,
        history_revisions: 300,
        checkpoint_interval: Duration::from_millis(200),
        ..Tuning::default()
    };
    let mut fleet = Fleet::of(1, tuning).await;
    let deadline = soon();
    let bounded = |fleet: &Fleet| {
        let status = fleet.store(1).status();
        status.purged_index > 500 && status.compact_revision > 300
    };
    let mut n = 0;
    while !bounded(&fleet) {
        assert!(tokio::time::Instant::now() < deadline, "nothing was purged: {:?}", fleet.store(1).status());
        n += 1;
        fleet.write(1, &format!("/k/{}", n % 10), &"x".repeat(200)).await.unwrap();
    }
    // The state hash covers history, which is compacted at any moment: what is compared is what the keys hold.
    let held = |state: &State| (state.revision(), state.range(b"", None).collect::<Vec<_>>());
    let before = held(&fleet.store(1).state());
    fleet.kill(1).await;
    let segments = std::fs::read_dir(fleet.data_dir(1).join("wal")).unwrap().count();
    assert!(segments * (64 << 10) < 4 << 20, "{segments} segments are left after {n} writes");
    let store = fleet.start(1).await.unwrap();
    assert_eq!(held(&store.state()), before);
}

/// Without its checkpoint, a member recovers from snapshot and log; without both, it says so.
#[tokio::test(flavor = "multi_thread")]
async fn each_copy_of_the_state_can_be_missed() {
    let tuning = Tuning { segment_bytes: 64 << 10, snapshot_entries: 200, ..Tuning::default() };
    let mut fleet = Fleet::of(1, tuning).await;
    let deadline = soon();
    while fleet.store(1).status().purged_index == 0 {
        assert!(tokio::time::Instant::now() < deadline, "nothing was purged: {:?}", fleet.store(1).status());
        fleet.write(1, "/k", &"x".repeat(500)).await.unwrap();
    }
    let hash = fleet.store(1).state().hash();
    fleet.shutdown(1).await;
    std::fs::remove_dir_all(fleet.data_dir(1).join("state.sled")).unwrap();
    assert_eq!(fleet.start(1).await.unwrap().state().hash(), hash);
    fleet.shutdown(1).await;
    std::fs::remove_dir_all(fleet.data_dir(1).join("snap")).unwrap();
    assert_eq!(fleet.start(1).await.unwrap().state().hash(), hash);
    fleet.kill(1).await;
    std::fs::remove_dir_all(fleet.data_dir(1).join("snap")).unwrap();
    std::fs::remove_dir_all(fleet.data_dir(1).join("state.sled")).unwrap();
    assert!(matches!(fleet.start(1).await, Err(StoreError::Corrupt { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_use_is_refused() {
    let fleet = Fleet::of(1, Tuning::default()).await;
    let first = fleet.store(1).clone();
    // The second one listens elsewhere, but wants the same directory.
    let busy = fleet.start_beside(1).await;
    assert!(matches!(busy, Err(StoreError::Io { operation: "lock", .. })), "{:?}", busy.err());
    drop(first);
}
