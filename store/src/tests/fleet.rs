//! Members in this process, each with a directory of its own, that can be stopped and started.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use xebec_kv::{Event, Op, State, Txn, TxnOutcome};

use super::certificates::Authority;
use crate::{ApplyObserver, Member, PeerTls, Store, StoreConfig, StoreError, Tuning, World};

/// Revisions as an observer hears of them.
#[derive(Default)]
pub(super) struct Heard {
    revisions: Mutex<Vec<u64>>,
}

impl ApplyObserver for Heard {
    fn restored(&self, state: &State) {
        let mut revisions = self.revisions.lock().unwrap();
        assert!(revisions.last().is_none_or(|last| *last <= state.revision()), "the state went back");
        revisions.clear();
        revisions.push(state.revision());
    }

    fn applied(&self, state: &State, events: &[Event]) {
        let revision = events[0].revision;
        let mut revisions = self.revisions.lock().unwrap();
        assert_eq!(revisions.last().map(|last| last + 1), Some(revision), "revisions come without gaps");
        assert!(events.iter().all(|event| event.revision == revision) && state.revision() >= revision);
        revisions.push(revision);
    }
}

struct Seat {
    dir: TempDir,
    address: SocketAddr,
    tls: PeerTls,
    cluster_id: String,
    has_history: bool,
    store: Option<Store>,
}

/// The members.
pub(super) struct Fleet {
    seats: BTreeMap<u64, Seat>,
    authority: Authority,
    pub(super) tuning: Tuning,
}

pub(super) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

pub(super) fn put(key: &str, value: impl Into<Bytes>) -> Txn {
    let op = Op::Put { key: Bytes::copy_from_slice(key.as_bytes()), value: value.into(), lease: 0 };
    Txn { success: vec![op], ..Txn::default() }
}

/// Waits for a condition.
pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = soon();
    while !holds() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

impl Fleet {
    pub(super) fn new(tuning: Tuning) -> Fleet {
        Fleet { seats: BTreeMap::new(), authority: Authority::new(), tuning }
    }

    /// A cluster of `count` voters.
    pub(super) async fn of(count: u64, tuning: Tuning) -> Fleet {
        let mut fleet = Fleet::new(tuning);
        fleet.start_first().await;
        for id in 2..=count {
            fleet.join(id).await.expect("the member joins");
        }
        fleet
    }

    pub(super) async fn start_first(&mut self) {
        let first = self.start(1).await.expect("the first member starts");
        assert!(!first.is_initialized());
        first.initialize().await.expect("a fresh store can be initialized");
        let store = self.store(1).clone();
        until("the first member leads", || store.leadership().borrow().is_leader).await;
    }

    /// Starts a fresh member and adds it through the leader.
    pub(super) async fn join(&mut self, id: u64) -> Result<(), StoreError> {
        self.start(id).await?;
        let member = self.member(id);
        let leader = self.leader().await;
        self.store(leader).add_member(member, soon()).await
    }

    pub(super) fn member(&self, id: u64) -> Member {
        let address = self.seats[&id].address.to_string();
        Member { id, name: format!("m{id}"), peer_address: address, api_address: format!("127.0.0.1:{}", 6443 + id) }
    }

    /// Starts a member, with whatever its directory holds.
    pub(super) async fn start(&mut self, id: u64) -> Result<Store, StoreError> {
        let known = self.seats.get(&id).map_or(SocketAddr::from(([127, 0, 0, 1], 0)), |seat| seat.address);
        let peer_listener = listen(known).await;
        let address = peer_listener.local_addr().expect("a listener has an address");
        let authority = &self.authority;
        self.seats.entry(id).or_insert_with(|| Seat {
            dir: tempfile::tempdir().expect("there is room for a directory"),
            address,
            tls: authority.peer_tls(),
            cluster_id: "fleet".to_owned(),
            has_history: false,
            store: None,
        });
        let store = Store::open(self.config(id, peer_listener)).await?;
        let seat = self.seats.get_mut(&id).expect("it was just seated");
        seat.store = Some(store.clone());
        seat.has_history = true;
        Ok(store)
    }

    /// Starts a second process, so to speak, on the directory of a member that runs.
    pub(super) async fn start_beside(&self, id: u64) -> Result<Store, StoreError> {
        let elsewhere = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        Store::open(self.config(id, elsewhere)).await
    }

    fn config(&self, id: u64, peer_listener: TcpListener) -> StoreConfig {
        let seat = &self.seats[&id];
        StoreConfig {
            data_dir: seat.dir.path().join("store"),
            cluster_id: seat.cluster_id.clone(),
            node_id: id,
            has_history: seat.has_history,
            name: format!("m{id}"),
            peer_address: seat.address.to_string(),
            api_address: format!("127.0.0.1:{}", 6443 + id),
            world: World::real(peer_listener, seat.tls.clone()),
            observer: Arc::new(Heard::default()),
            tuning: self.tuning.clone(),
        }
    }

    pub(super) fn peer_tls(&self) -> PeerTls {
        self.authority.peer_tls()
    }

    pub(super) fn store(&self, id: u64) -> &Store {
        self.seats[&id].store.as_ref().expect("the member runs")
    }

    pub(super) fn stores(&self) -> impl Iterator<Item = &Store> {
        self.seats.values().filter_map(|seat| seat.store.as_ref())
    }

    pub(super) fn data_dir(&self, id: u64) -> std::path::PathBuf {
        self.seats[&id].dir.path().join("store")
    }

    /// The directory of member `old` becomes that of `new`, in another cluster.
    pub(super) fn reseat(&mut self, old: u64, new: u64, cluster_id: &str) {
        let mut seat = self.seats.remove(&old).expect("it is seated");
        seat.cluster_id = cluster_id.to_owned();
        self.seats.insert(new, seat);
    }

    /// A member that has never had a disk.
    pub(super) fn seat_afresh(&mut self, id: u64) {
        self.seats.get_mut(&id).expect("it is seated").has_history = false;
    }

    /// Stops a member without a handover.
    pub(super) async fn kill(&mut self, id: u64) {
        let store = self.seats.get_mut(&id).and_then(|seat| seat.store.take());
        store.expect("the member runs").kill().await;
    }

    pub(super) async fn shutdown(&mut self, id: u64) {
        let store = self.seats.get_mut(&id).and_then(|seat| seat.store.take());
        store.expect("the member runs").shutdown().await;
    }

    /// Waits for a leader whom all running members know.
    pub(super) async fn leader(&self) -> u64 {
        let agreed = || {
            let known: Vec<Option<u64>> = self.stores().map(|store| store.leadership().borrow().leader).collect();
            let leads = self.stores().find(|store| store.leadership().borrow().is_leader)?.status().node_id;
            let voters = self.store(leads).status().members;
            let all = self.stores().zip(known).all(|(store, leader)| {
                let member = voters.iter().any(|voter| voter.member.id == store.status().node_id);
                !member || leader == Some(leads)
            });
            all.then_some(leads)
        };
        until("a leader that all know", || agreed().is_some()).await;
        agreed().unwrap_or_else(|| self.stores().next().expect("somebody runs").status().node_id)
    }

    /// Writes through a member.
    pub(super) async fn write(&self, id: u64, key: &str, value: &str) -> Result<TxnOutcome, StoreError> {
        self.store(id).txn(put(key, value.to_owned()), soon()).await
    }

    /// Waits until all running members have applied the same, and compares their states.
    pub(super) async fn converge(&self) {
        let settled = || {
            let mut indexes = self.stores().map(|store| store.status().applied_index);
            let first = indexes.next();
            indexes.all(|index| Some(index) == first)
        };
        until("all have applied the same", settled).await;
        let hashes: Vec<u64> = self.stores().map(|store| store.state().hash()).collect();
        assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "states differ: {hashes:x?}");
    }
}

/// The port of a member that was just stopped may take a moment to be free.
async fn listen(address: SocketAddr) -> TcpListener {
    let deadline = soon();
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) if Instant::now() > deadline => panic!("{address}: {error}"),
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

impl Drop for Fleet {
    /// Members must not outlive their directories: a disk that is gone ends the process.
    fn drop(&mut self) {
        let left: Vec<Store> = self.seats.values_mut().filter_map(|seat| seat.store.take()).collect();
        let stop = async {
            for store in left {
                store.kill().await;
            }
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(stop));
    }
}
