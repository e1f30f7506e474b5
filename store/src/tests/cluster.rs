//! Three members.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use openraft::{EntryPayload, Membership};
use tokio::time::{Instant, sleep};

use super::fleet::{Fleet, put, soon, until};
use crate::{Store, StoreError, Tuning};

#[tokio::test(flavor = "multi_thread")]
async fn any_member_takes_writes_and_linearizable_reads() {
    let fleet = Fleet::of(3, Tuning::default()).await;
    for n in 0..30_u64 {
        let (writer, reader) = (n % 3 + 1, (n + 1) % 3 + 1);
        let written = fleet.write(writer, "/k", &format!("{n}")).await.unwrap();
        let seen = fleet.store(reader).read_barrier(soon()).await.unwrap();
        assert!(seen >= written.revision, "read {seen} after {} was written", written.revision);
        assert_eq!(fleet.store(reader).state().get(b"/k").unwrap().value, format!("{n}"));
    }
    fleet.converge().await;
    let status = fleet.store(fleet.leader().await).status();
    assert_eq!(status.members.iter().filter(|member| member.voter).count(), 3);
    assert!(status.members.iter().all(|member| member.reachable == Some(true)), "{status:?}");
    assert!(fleet.stores().all(|store| store.status().members.len() == 3), "every member knows all API addresses");
}

/// Clients on all surviving members write without pause while the leader is stopped. Every acknowledged write is
/// there at the end, none is applied twice, and the gap is short.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_leader_costs_no_acknowledged_write() {
    let mut fleet = Fleet::of(3, Tuning::default()).await;
    for round in 0..3 {
        let leader = fleet.leader().await;
        let survivors: Vec<u64> = (1..=3).filter(|id| *id != leader).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let longest = Arc::new(AtomicU64::new(0));
        let mut clients = Vec::new();
        for (client, member) in survivors.iter().cycle().take(6).enumerate() {
            let (store, stop, longest) = (fleet.store(*member).clone(), stop.clone(), longest.clone());
            clients.push(tokio::spawn(write_until(store, format!("/r{round}/c{client}"), stop, longest)));
        }
        sleep(Duration::from_millis(300)).await;
        fleet.kill(leader).await;
        sleep(Duration::from_millis(1500)).await;
        stop.store(true, Ordering::Relaxed);
        let mut acknowledged = Vec::new();
        for client in clients {
            acknowledged.extend(client.await.unwrap());
        }
        let next = fleet.leader().await;
        fleet.store(next).read_barrier(soon()).await.unwrap();
        let state = fleet.store(next).state();
        for key in &acknowledged {
            let found = state.get(key.as_bytes()).unwrap_or_else(|| panic!("{key} was acknowledged and is lost"));
            assert_eq!(found.version, 1, "{key} was applied twice");
        }
        let count = acknowledged.len();
        println!("round {round}: {count} acknowledged writes, the longest took {} ms", longest.load(Ordering::Relaxed));
        fleet.start(leader).await.unwrap();
        fleet.converge().await;
    }
}

/// Writes key after key, and gives those that were acknowledged.
async fn write_until(store: Store, prefix: String, stop: Arc<AtomicBool>, longest: Arc<AtomicU64>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let (key, start) = (format!("{prefix}/{}", acknowledged.len()), Instant::now());
        store.txn(put(&key, "v"), soon()).await.unwrap_or_else(|error| panic!("{key}: {error:?}"));
        longest.fetch_max(start.elapsed().as_millis() as u64, Ordering::Relaxed);
        acknowledged.push(key);
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn all_stopped_and_started_have_the_same_state() {
    let mut fleet = Fleet::of(3, Tuning::default()).await;
    for n in 0..50 {
        fleet.write(n % 3 + 1, &format!("/k/{}", n % 7), &format!("{n}")).await.unwrap();
    }
    fleet.converge().await;
    let (revision, hash) = (fleet.store(1).state().revision(), fleet.store(1).state().hash());
    for id in 1..=3 {
        fleet.kill(id).await;
    }
    for id in 1..=3 {
        fleet.start(id).await.unwrap();
    }
    assert!(fleet.store(fleet.leader().await).read_barrier(soon()).await.unwrap() >= revision);
    fleet.converge().await;
    assert_eq!((fleet.store(2).state().revision(), fleet.store(2).state().hash()), (revision, hash));
    fleet.write(2, "/k/after", "x").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_member_joins_by_snapshot() {
    let tuning = Tuning { segment_bytes: 64 << 10, snapshot_entries: 150, ..Tuning::default() };
    let mut fleet = Fleet::of(1, tuning).await;
    let mut n = 0;
    let deadline = soon();
    while fleet.store(1).status().purged_index == 0 {
        assert!(Instant::now() < deadline, "nothing was purged: {:?}", fleet.store(1).status());
        n += 1;
        fleet.write(1, &format!("/k/{}", n % 50), &"x".repeat(500)).await.unwrap();
    }
    fleet.join(2).await.unwrap();
    assert!(fleet.store(2).status().snapshot_index > 0, "the log alone was not enough");
    fleet.join(3).await.unwrap();
    fleet.write(3, "/k/after", "x").await.unwrap();
    fleet.converge().await;
    let leader = fleet.leader().await;
    fleet.kill(leader).await;
    let other = fleet.leader().await;
    fleet.write(other, "/k/later", "x").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_added_once_and_removed() {
    let mut fleet = Fleet::of(3, Tuning::default()).await;
    let leader = fleet.leader().await;
    let member = fleet.member(2);
    fleet.store(leader).add_member(member.clone(), soon()).await.expect("adding again does nothing");
    let impostor = crate::Member { peer_address: "127.0.0.1:1".to_owned(), ..member };
    let refused = fleet.store(leader).add_member(impostor, soon()).await;
    assert!(matches!(refused, Err(StoreError::MemberConflict { id: 2, .. })), "{refused:?}");
    let follower = (1..=3).find(|id| *id != leader).unwrap();
    let refused = fleet.store(follower).add_member(fleet.member(2), soon()).await;
    assert!(matches!(refused, Err(StoreError::NotLeader { leader: Some(known) }) if known == leader), "{refused:?}");
    fleet.store(leader).remove_member(follower, soon()).await.unwrap();
    assert_eq!(fleet.store(leader).status().members.len(), 2);
    fleet.kill(follower).await;
    fleet.write(leader, "/k", "x").await.unwrap();
}

/// A leader that dies in the middle of a change leaves its successor in the joint membership. Found by the simulation: a
/// successor that was itself on its way out went on changing, and put itself out in the middle of that.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_left_half_done_is_finished_and_a_leader_on_its_way_out_hands_over() {
    let mut fleet = Fleet::of(3, Tuning::default()).await;
    let leader = fleet.leader().await;
    let (leaving, staying) = (leader % 3 + 1, (leader + 1) % 3 + 1);
    let core = fleet.store(leader).core();
    // As if it had died here, it does not finish this itself.
    let turn = core.changing.lock().await;
    let nodes: BTreeMap<_, _> = (1..=3).map(|id| (id, fleet.member(id).node())).collect();
    let joined = vec![BTreeSet::from([1, 2, 3]), BTreeSet::from([leader, staying])];
    let half = Membership::new(joined, nodes).unwrap();
    core.raft.append_membership(half, EntryPayload::Blank, []).await.unwrap();
    fleet.store(leader).transfer_leader(leaving, soon()).await.unwrap();
    drop(turn);
    fleet.start(4).await.unwrap();
    let added = fleet.store(leaving).add_member(fleet.member(4), soon()).await;
    assert!(matches!(added, Err(StoreError::NotLeader { .. })), "it is no member's business any more: {added:?}");
    let left = BTreeSet::from([leader, staying]);
    let finished = |store: &Store| BTreeSet::from_iter(store.status().committed_members) == left;
    until("the change is finished", || [leader, staying].iter().all(|id| finished(fleet.store(*id)))).await;
    fleet.kill(leaving).await;
    let next = fleet.leader().await;
    fleet.store(next).add_member(fleet.member(4), soon()).await.unwrap();
    fleet.write(4, "/k", "x").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_leader_hands_over_first() {
    let mut fleet = Fleet::of(3, Tuning::default()).await;
    let leader = fleet.leader().await;
    let client = (1..=3).find(|id| *id != leader).unwrap();
    let store = fleet.store(client).clone();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let writing = tokio::spawn(async move {
        let mut longest = Duration::ZERO;
        while !stopped.load(Ordering::Relaxed) {
            let start = Instant::now();
            store.txn(put("/k", "x"), soon()).await.unwrap();
            longest = longest.max(start.elapsed());
        }
        longest
    });
    sleep(Duration::from_millis(200)).await;
    fleet.shutdown(leader).await;
    sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    let longest = writing.await.unwrap();
    println!("the longest write during a handover took {} ms", longest.as_millis());
    assert!(longest < Duration::from_millis(1500), "{longest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_can_be_given_to_a_member() {
    let fleet = Fleet::of(3, Tuning::default()).await;
    let leader = fleet.leader().await;
    let next = leader % 3 + 1;
    fleet.store(leader).transfer_leader(next, soon()).await.unwrap();
    let store = fleet.store(next).clone();
    until("the chosen one leads", || store.leadership().borrow().is_leader).await;
}

/// All members are compared at one entry of the log, while writes go on; who is away is named.
#[tokio::test(flavor = "multi_thread")]
async fn the_states_of_all_members_are_compared() {
    let mut fleet = Fleet::of(3, Tuning::default()).await;
    let (leader, writing) = (fleet.leader().await, Arc::new(AtomicBool::new(false)));
    let client = fleet.store(leader % 3 + 1).clone();
    let longest = Arc::new(AtomicU64::new(0));
    let writer = tokio::spawn(write_until(client.clone(), "/k".to_owned(), writing.clone(), longest));
    for member in 1..=3 {
        let report = fleet.store(member).hash_check(soon()).await.unwrap();
        assert_eq!((report.differing().count(), report.silent().count()), (0, 0), "{report:?}");
        assert_eq!(report.members.iter().map(|one| one.member.id).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(report.members.iter().all(|one| one.hash == Some(report.hash)));
    }
    writing.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    let away = (leader + 1) % 3 + 1;
    fleet.kill(away).await;
    let report = client.hash_check(soon()).await.unwrap();
    assert_eq!(report.silent().map(|member| member.id).collect::<Vec<_>>(), [away]);
    assert_eq!(report.differing().count(), 0);
}

/// Without a majority nothing is written, the survivor does not claim to lead, and it still reads.
#[tokio::test(flavor = "multi_thread")]
async fn a_minority_does_not_write() {
    let mut fleet = Fleet::of(3, Tuning::default()).await;
    fleet.write(1, "/k", "x").await.unwrap();
    fleet.converge().await;
    let leader = fleet.leader().await;
    for id in (1..=3).filter(|id| *id != leader) {
        fleet.kill(id).await;
    }
    let store = fleet.store(leader).clone();
    until("it notices", || !store.leadership().borrow().is_leader).await;
    sleep(Duration::from_secs(2)).await;
    let asked = Instant::now();
    let (written, read) = tokio::join!(store.txn(put("/k", "y"), soon()), store.read_barrier(soon()));
    assert!(matches!(written, Err(StoreError::NoQuorum)), "it is certain that nothing was done: {written:?}");
    assert!(matches!(read, Err(StoreError::NoQuorum)), "{read:?}");
    assert!(asked.elapsed() < Duration::from_secs(2), "nobody is kept waiting: {:?}", asked.elapsed());
    assert_eq!(store.state().get(b"/k").unwrap().value, "x");
    let unchecked = store.hash_check(Instant::now() + Duration::from_millis(300)).await;
    assert!(matches!(unchecked, Err(StoreError::NoQuorum | StoreError::Timeout)), "{unchecked:?}");
    for id in (1..=3).filter(|id| *id != leader) {
        fleet.start(id).await.unwrap();
    }
    fleet.leader().await;
    fleet.write(leader, "/k", "z").await.unwrap();
    fleet.converge().await;
}

/// Why the first write failed that did, and how long it took.
async fn write_until_refused(store: Store) -> (StoreError, Duration) {
    loop {
        let asked = Instant::now();
        if let Err(error) = store.txn(put("/k", "x"), soon()).await {
            return (error, asked.elapsed());
        }
    }
}

/// A write that was under way when the majority went may still be done by those who come back: its writer is told that, and soon.
/// A follower that is left alone has sent nothing, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_when_the_majority_went_is_called_unknown() {
    let mut fleet = Fleet::of(3, Tuning::default()).await;
    let leader = fleet.leader().await;
    let store = fleet.store(leader).clone();
    let writing = tokio::spawn(write_until_refused(store.clone()));
    for id in (1..=3).filter(|id| *id != leader) {
        fleet.kill(id).await;
    }
    let (refused, took) = writing.await.unwrap();
    assert!(matches!(refused, StoreError::Timeout), "{refused:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let back = leader % 3 + 1;
    fleet.start(back).await.unwrap();
    fleet.write(fleet.leader().await, "/k", "y").await.unwrap();
    let leader = fleet.leader().await;
    let alone = if leader == back { store } else { fleet.store(back).clone() };
    fleet.converge().await;
    fleet.kill(leader).await;
    sleep(Duration::from_secs(2)).await;
    let asked = Instant::now();
    let written = alone.txn(put("/k", "z"), soon()).await;
    assert!(matches!(written, Err(StoreError::NoQuorum)), "{written:?}");
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

/// Its certificate is good for long; but whoever leads does nothing for it any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_was_put_out_proposes_nothing() {
    let fleet = Fleet::of(3, Tuning::default()).await;
    let leader = fleet.leader().await;
    let out = leader % 3 + 1;
    fleet.write(out, "/before", "x").await.expect("its stream to the leader is open");
    fleet.store(leader).remove_member(out, soon()).await.unwrap();
    let refused = fleet.write(out, "/after", "x").await;
    assert!(matches!(refused, Err(StoreError::NoQuorum)), "{refused:?}");
    let refused = fleet.store(out).read_barrier(soon()).await;
    assert!(matches!(refused, Err(StoreError::NoQuorum)), "{refused:?}");
    fleet.write(leader, "/later", "x").await.unwrap();
    let state = fleet.store(leader).state();
    assert!(state.get(b"/before").is_some() && state.get(b"/after").is_none());
}

/// A member of another cluster, and one that is no member, are refused by their envelope, with a certificate of the same CA; one without such a
/// certificate does not even get so far.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused() {
    let fleet = Fleet::of(1, Tuning::default()).await;
    let address = fleet.member(1).peer_address;
    let call = |tls: crate::PeerTls, cluster: &str, from: u64, to: u64| {
        let peers = crate::network::Peers::new(Arc::new(crate::network::TlsNetwork::new(tls.client)), cluster, from);
        let client = peers.client(&address, crate::network::Lane::Forward);
        let request = xebec_proto::peer::ReadIndexRequest { envelope: Some(peers.envelope(to)) };
        async move { client.unwrap().read_index(request).await.map_err(|status| status.code()) }
    };
    let tls = fleet.peer_tls();
    assert!(call(tls.clone(), "fleet", 1, 1).await.is_ok());
    assert_eq!(call(tls.clone(), "other", 1, 1).await.unwrap_err(), tonic::Code::PermissionDenied);
    assert_eq!(call(tls.clone(), "fleet", 9, 1).await.unwrap_err(), tonic::Code::PermissionDenied);
    assert_eq!(call(tls, "fleet", 1, 2).await.unwrap_err(), tonic::Code::PermissionDenied);
    let foreign = super::certificates::Authority::new().peer_tls();
    assert!(call(foreign, "fleet", 1, 1).await.is_err());
}
