//! Watches on members that come and go.

use std::collections::BTreeMap;
use std::time::Duration;

use xebec_kv::{KeyRange, Revision};

use super::fleet::{Fleet, soon};
use crate::{Store, Tuning, Watch, WatchBatch, WatchError, WatchOptions};

const OPTIONS: WatchOptions = WatchOptions { previous: true, progress: Some(Duration::from_millis(50)) };

fn watch(store: &Store, from: Revision) -> Watch {
    store.watch(KeyRange::prefix("/k/"), from, OPTIONS).expect("it is kept")
}

/// Reads up to a revision, and holds what comes against the rules: in order, once, no gap.
async fn read_to(watch: &mut Watch, revision: Revision, mut seen: Vec<WatchBatch>) -> Vec<WatchBatch> {
    while watch.progress() < revision {
        let batch = tokio::time::timeout_at(soon(), watch.next()).await.expect("it goes on").expect("it is kept");
        if batch.events.is_empty() {
            continue;
        }
        if let Some(last) = seen.last() {
            assert_eq!(batch.revision, last.revision + 1, "every revision writes under /k/");
        }
        assert!(batch.events.iter().all(|event| event.revision == batch.revision));
        seen.push(batch);
    }
    seen
}

/// Reads what is left of a watch whose store has stopped.
async fn read_out(watch: &mut Watch, seen: &mut Vec<WatchBatch>) {
    let ended = loop {
        match watch.next().await {
            Ok(batch) => seen.extend(Some(batch).filter(|batch| !batch.events.is_empty())),
            Err(error) => break error,
        }
    };
    assert_eq!(ended, WatchError::Stopped);
}

/// What the watches of all members saw is the same, although one was cut off from its leader, and one was started anew and
/// resumed where it was.
#[tokio::test(flavor = "multi_thread")]
async fn all_members_tell_the_same() {
    let mut fleet = Fleet::of(3, Tuning { watch_bytes: 2_000, ..Tuning::default() }).await;
    let mut watches: BTreeMap<u64, Watch> = (1..=3).map(|id| (id, watch(fleet.store(id), 2))).collect();
    let mut seen: BTreeMap<u64, Vec<WatchBatch>> = (1..=3).map(|id| (id, Vec::new())).collect();
    for round in 0..3 {
        let leader = fleet.leader().await;
        let client = leader % 3 + 1;
        for n in 0..30 {
            fleet.write(client, &format!("/k/{}", n % 4), &format!("{round}/{n}")).await.unwrap();
        }
        fleet.kill(leader).await;
        let mut cut = watches.remove(&leader).unwrap();
        read_out(&mut cut, seen.get_mut(&leader).unwrap()).await;
        fleet.write(client, "/k/meanwhile", "x").await.unwrap();
        let store = fleet.start(leader).await.unwrap();
        watches.insert(leader, watch(&store, cut.progress() + 1));
        fleet.converge().await;
        let revision = fleet.store(client).state().revision();
        for (id, watch) in &mut watches {
            let before = seen.remove(id).unwrap();
            seen.insert(*id, read_to(watch, revision, before).await);
        }
    }
    assert_eq!(seen[&1].len(), 93);
    assert!(seen[&1] == seen[&2] && seen[&2] == seen[&3], "the same events, in the same order");
}

/// Who is too slow for history is cut off, told where to go on, and misses nothing from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_cut_and_goes_on_where_it_is_told() {
    let fleet = Fleet::of(1, Tuning { watch_bytes: 2_000, ..Tuning::default() }).await;
    let store = fleet.store(1);
    let mut slow = watch(store, 0);
    for n in 0..50 {
        fleet.write(1, &format!("/k/{n}"), "x").await.unwrap();
    }
    assert_eq!(slow.next().await.unwrap().revision, 2, "long out of the ring, and still in history");
    store.compact(40, soon()).await.unwrap();
    assert_eq!(slow.next().await, Err(WatchError::Compacted { requested: 3, resume_from: 41 }));
    assert!(store.watch(KeyRange::all(), 40, OPTIONS).is_err());
    let seen = read_to(&mut watch(store, 41), 51, Vec::new()).await;
    assert_eq!(seen.iter().map(|batch| batch.revision).collect::<Vec<_>>(), (41..=51).collect::<Vec<_>>());
}

/// A member that gets its state as a snapshot shows on a watch what led there, as far as it is kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_from_the_leader_leaves_no_gap() {
    let tuning = Tuning { segment_bytes: 64 << 10, snapshot_entries: 150, ..Tuning::default() };
    let mut fleet = Fleet::of(1, tuning).await;
    let deadline = soon();
    let mut n = 0;
    while fleet.store(1).status().purged_index == 0 {
        assert!(tokio::time::Instant::now() < deadline, "nothing was purged: {:?}", fleet.store(1).status());
        n += 1;
        fleet.write(1, &format!("/k/{}", n % 50), &"x".repeat(500)).await.unwrap();
    }
    let newcomer = fleet.start(2).await.unwrap();
    let mut early = watch(&newcomer, 2);
    let leader = fleet.leader().await;
    fleet.store(leader).add_member(fleet.member(2), soon()).await.unwrap();
    assert!(newcomer.status().snapshot_index > 0, "the log alone was not enough");
    let revision = fleet.store(1).state().revision();
    let seen = read_to(&mut early, revision, Vec::new()).await;
    assert_eq!(seen.len() as u64, revision - 1, "every revision but that of the empty store");
}
