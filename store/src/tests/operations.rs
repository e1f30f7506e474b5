//! What an operator does: export and restore, recover, remove and replace; and a disk that fills up.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use prometheus_client::registry::Registry;
use xebec_kv::{KeyRange, Op, PastError, Txn};

use super::fleet::{Fleet, put, soon, until};
use crate::{Member, Rebuild, Store, StoreError, Tuning, WatchOptions, inspect, recover, restore};

const SKIP: u64 = 1_000_000;

fn rebuild(fleet: &Fleet, seat: u64, id: u64) -> Rebuild {
    Rebuild {
        data_dir: fleet.data_dir(seat),
        cluster_id: "anew".to_owned(),
        member: Member { id, ..fleet.member(seat) },
        skip_revisions: SKIP,
    }
}

fn first_segment(key: &[u8]) -> String {
    let text = String::from_utf8_lossy(key);
    text.split('/').nth(1).unwrap_or_default().to_owned()
}

async fn save(store: &Store, path: &std::path::Path) {
    let mut file = std::fs::File::create(path).unwrap();
    let mut chunks = store.export();
    while let Some(chunk) = chunks.recv().await {
        file.write_all(&chunk.unwrap()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_state_is_inspected_and_restored() {
    let mut fleet = Fleet::of(1, Tuning::default()).await;
    for n in 0..300 {
        fleet.write(1, &format!("/{}/{n}", if n % 3 == 0 { "a" } else { "b" }), &"x".repeat(5_000)).await.unwrap();
    }
    let path = fleet.data_dir(1).with_file_name("export");
    save(fleet.store(1), &path).await;
    fleet.write(1, "/late", "lost").await.unwrap();
    let summary = inspect(&path, first_segment).unwrap();
    assert_eq!((summary.cluster_id.as_str(), summary.revision, summary.total.keys), ("fleet", 301, 300));
    assert_eq!(summary.groups.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(summary.groups["a"].keys, 100);
    assert!(summary.total.bytes > 1_500_000 && summary.file_bytes > 1_500_000);
    let busy = restore(&path, &rebuild(&fleet, 1, 77)).await;
    assert!(matches!(busy, Err(StoreError::Io { operation: "lock", .. })), "{:?}", busy.err());
    fleet.shutdown(1).await;
    restore(&path, &rebuild(&fleet, 1, 77)).await.unwrap();
    fleet.reseat(1, 77, "anew");
    let store = fleet.start(77).await.unwrap();
    until("it leads by itself", || store.leadership().borrow().is_leader).await;
    let state = store.state();
    assert_eq!((state.revision(), state.count(b"/"), state.get(b"/late")), (301 + SKIP, 300, None));
    assert!(matches!(state.events_after(302), Err(PastError::Compacted { .. })), "watchers start over");
    assert_eq!(fleet.write(77, "/new", "x").await.unwrap().revision, 302 + SKIP);
    fleet.kill(77).await;
    let again = fleet.start(77).await.unwrap();
    assert_eq!(again.state().revision(), 302 + SKIP);
    assert!(fleet.data_dir(77).with_file_name("store.old").exists(), "what was there is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_refused() {
    let fleet = Fleet::of(1, Tuning::default()).await;
    fleet.write(1, "/k", &"x".repeat(1000)).await.unwrap();
    let path = fleet.data_dir(1).with_file_name("export");
    save(fleet.store(1), &path).await;
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() - 200;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(inspect(&path, first_segment), Err(StoreError::Corrupt { .. })));
    bytes[middle] ^= 1;
    bytes.truncate(middle);
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(inspect(&path, first_segment), Err(StoreError::Corrupt { .. })));
}

/// Two of three are lost for good. The third becomes a cluster of one, and others join it.
#[tokio::test(flavor = "multi_thread")]
async fn a_survivor_is_recovered_and_grows_again() {
    let mut fleet = Fleet::of(3, Tuning::default()).await;
    for n in 0..50 {
        fleet.write(n % 3 + 1, &format!("/k/{n}"), "x").await.unwrap();
    }
    fleet.converge().await;
    let revision = fleet.store(1).state().revision();
    for id in 1..=3 {
        fleet.kill(id).await;
    }
    let summary = recover(&rebuild(&fleet, 2, 22)).await.unwrap();
    assert_eq!((summary.cluster_id.as_str(), summary.members.len()), ("fleet", 3));
    fleet.reseat(2, 22, "anew");
    fleet.start(22).await.unwrap();
    assert_eq!(fleet.leader().await, 22);
    assert_eq!(fleet.store(22).state().revision(), revision + SKIP);
    assert_eq!(fleet.store(22).state().count(b"/k/"), 50);
    fleet.write(22, "/k/after", "x").await.unwrap();
    // An old member comes back: it finds no majority, and disturbs nobody.
    fleet.start(1).await.unwrap();
    fleet.reseat(3, 33, "anew");
    std::fs::remove_dir_all(fleet.data_dir(33)).unwrap();
    fleet.seat_afresh(33);
    fleet.join(33).await.expect("a fresh disk joins");
    fleet.kill(1).await;
    fleet.write(33, "/k/later", "x").await.unwrap();
    fleet.converge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recovering_an_empty_directory_is_refused() {
    let fleet = Fleet::of(1, Tuning::default()).await;
    let to = Rebuild { data_dir: fleet.data_dir(1).with_file_name("nothing"), ..rebuild(&fleet, 1, 5) };
    assert!(matches!(recover(&to).await, Err(StoreError::Corrupt { .. })));
    assert!(!to.data_dir.exists());
}

/// An emptied disk under its old id would vote without knowing what it has acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_disk_needs_a_new_id() {
    let mut fleet = Fleet::of(3, Tuning::default()).await;
    let leader = fleet.leader().await;
    let lost = leader % 3 + 1;
    fleet.kill(lost).await;
    std::fs::remove_dir_all(fleet.data_dir(lost).join("wal")).unwrap();
    let refused = fleet.start(lost).await;
    assert!(matches!(refused, Err(StoreError::Emptied { .. })), "{:?}", refused.err());
    std::fs::remove_dir_all(fleet.data_dir(lost)).unwrap();
    let refused = fleet.start(lost).await;
    assert!(matches!(refused, Err(StoreError::Emptied { .. })), "{:?}", refused.err());
    fleet.store(leader).remove_member(lost, soon()).await.unwrap();
    std::fs::remove_dir_all(fleet.data_dir(lost)).unwrap();
    fleet.reseat(lost, 44, "fleet");
    fleet.seat_afresh(44);
    fleet.join(44).await.expect("with a new id it joins");
    fleet.converge().await;
    let members = fleet.store(44).status().committed_members;
    assert!(members.contains(&44) && !members.contains(&lost), "{members:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_removed_hands_over_first() {
    let mut fleet = Fleet::of(3, Tuning::default()).await;
    let leader = fleet.leader().await;
    let handed = fleet.store(leader).remove_member(leader, soon()).await;
    let Err(StoreError::NotLeader { leader: Some(next) }) = handed else { panic!("{handed:?}") };
    let store = fleet.store(next).clone();
    until("the next one leads", || store.leadership().borrow().is_leader).await;
    store.remove_member(leader, soon()).await.unwrap();
    assert_eq!(store.status().members.len(), 2);
    fleet.kill(leader).await;
    fleet.write(next, "/k", "x").await.unwrap();
}

/// The alarm stops what grows, wherever it was proposed, and nothing else; it ends by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_takes_deletes_only() {
    let tuning = Tuning { space_reserve: 1 << 20, ..Tuning::default() };
    let fleet = Fleet::of(3, tuning).await;
    let (leader, follower) = (fleet.leader().await, fleet.leader().await % 3 + 1);
    fleet.write(follower, "/k", "x").await.unwrap();
    (1..=3).for_each(|id| fleet.store(id).pretend_free_space(1000));
    assert!(fleet.store(leader).status().no_space);
    for member in [leader, follower] {
        let refused = fleet.store(member).txn(put("/new", "x"), soon()).await;
        assert!(matches!(refused, Err(StoreError::NoSpace)), "{refused:?}");
        fleet.store(member).txn_freeing(put("/k", "going"), soon()).await.expect("what leads to a delete is taken");
        fleet.store(member).read_barrier(soon()).await.unwrap();
    }
    let delete = Txn { success: vec![Op::Delete { key: Bytes::from_static(b"/k") }], ..Txn::default() };
    fleet.store(follower).txn(delete, soon()).await.unwrap();
    (1..=3).for_each(|id| fleet.store(id).pretend_free_space(u64::MAX));
    fleet.write(follower, "/new", "x").await.expect("there is space again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_leader_hands_over_to_a_member_that_has_room() {
    let fleet = Fleet::of(3, Tuning { space_reserve: 1 << 20, ..Tuning::default() }).await;
    let full = fleet.leader().await;
    let (roomy, also_full) = (full % 3 + 1, (full + 1) % 3 + 1);
    [full, also_full].iter().for_each(|id| fleet.store(*id).pretend_free_space(1000));
    let store = fleet.store(roomy).clone();
    until("the one that has room leads", || store.leadership().borrow().is_leader).await;
    fleet.write(full, "/k", "x").await.expect("writes go on, through whomever");
    fleet.store(roomy).pretend_free_space(1000);
    let refused = fleet.store(roomy).txn(put("/new", "x"), soon()).await;
    assert!(matches!(refused, Err(StoreError::NoSpace)), "nobody has room: {refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_the_names_that_etcds_users_know() {
    let fleet = Fleet::of(1, Tuning::default()).await;
    for n in 0..5 {
        fleet.write(1, "/k", &n.to_string()).await.unwrap();
    }
    let mut watch = fleet.store(1).watch(KeyRange::all(), 6, WatchOptions::default()).unwrap();
    watch.next().await.unwrap();
    fleet.store(1).compact(4, soon()).await.unwrap();
    let store = fleet.store(1);
    store.lease_grant(7, Duration::from_secs(60), soon()).await.unwrap();
    store.lease_renew(7, soon()).await.unwrap();
    store.lease_revoke(7, soon()).await.unwrap();
    store.lease_renew(7, soon()).await.expect_err("it is gone");
    let mut registry = Registry::default();
    fleet.store(1).register_metrics(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for label in ["etcd_server_id{server_id=\"1\"} 1", "etcd_server_version{server_version=\"0.1.0\"} 1"] {
        assert!(text.lines().any(|line| line == label), "{label} is missing:\n{text}");
    }
    let value = |name: &str| {
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        let value = line.unwrap_or_else(|| panic!("{name} is missing:\n{text}")).rsplit(' ').next().unwrap();
        value.parse::<f64>().unwrap()
    };
    assert!(value("etcd_disk_wal_fsync_duration_seconds_count") >= 5.0);
    assert!(value("etcd_server_proposals_applied_total") >= 5.0);
    assert!(value("etcd_server_proposals_committed_total") >= 5.0);
    assert!(value("etcd_mvcc_db_total_size_in_bytes") > 0.0);
    assert!(value("etcd_disk_wal_write_bytes_total") > 0.0);
    let exact = [
        ("etcd_server_has_leader", 1.0),
        ("etcd_server_is_leader", 1.0),
        ("etcd_server_is_learner", 0.0),
        ("etcd_server_leader_changes_seen_total", 1.0),
        ("etcd_server_proposals_pending", 0.0),
        ("etcd_server_proposals_failed_total", 1.0),
        ("etcd_debugging_mvcc_current_revision", 6.0),
        ("etcd_debugging_mvcc_keys_total", 1.0),
        ("etcd_debugging_mvcc_watcher_total", 1.0),
        ("etcd_debugging_mvcc_events_total", 1.0),
        ("etcd_debugging_mvcc_db_compaction_keys_total", 2.0),
        ("etcd_mvcc_txn_total", 5.0),
        ("etcd_mvcc_put_total", 5.0),
        ("etcd_mvcc_delete_total", 0.0),
        ("etcd_server_read_indexes_failed_total", 0.0),
        ("etcd_debugging_lease_granted_total", 1.0),
        ("etcd_debugging_lease_renewed_total", 1.0),
        ("etcd_debugging_lease_revoked_total", 1.0),
        ("etcd_debugging_server_lease_expired_total", 0.0),
        ("etcd_server_heartbeat_send_failures_total", 0.0),
        ("xebec_store_no_space", 0.0),
    ];
    for (name, expect) in exact {
        assert_eq!(value(name), expect, "{name}");
    }
}
