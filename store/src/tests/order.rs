//! What gets to disk before what.
//!
//! A state is published when a majority has the entries that led to it; this member's own disk may be late. Were its checkpoint
//! or snapshot on disk before them, a power cut would leave a state beside a log that ends too early, or goes on differently.
//! Found by the simulation.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use openraft::RaftSnapshotBuilder;
use openraft::storage::RaftStateMachine;
use xebec_kv::State;

use super::fleet::until;
use crate::checkpoint::{Checkpointer, Source, StateBackend};
use crate::clock::LeaderClock;
use crate::disk::faulty::{Fault, Faults, FaultyDisk, Operation, When};
use crate::disk::memory::MemoryDisk;
use crate::instruments::Instruments;
use crate::raft::codec::log_id;
use crate::raft::{Board, Happened, Image, Machine};
use crate::snapshot::SnapshotDir;
use crate::space::Space;
use crate::wal::{EntryId, LogEntry, Wal, WalOptions};
use crate::world::{SystemClock, Workers};
use crate::{NoObserver, StoreError, Tuning};

const OPTIONS: WalOptions = WalOptions { segment_bytes: 64 << 10, cache_bytes: 1 << 20 };
/// The first entry of the log has index 0.
const ENTRIES: u64 = 5;

/// A member whose log's disk is slow.
struct Slow {
    disk: MemoryDisk,
    wal: Wal,
    board: Arc<Board>,
}

fn open(disk: &MemoryDisk, faults: &Faults) -> Wal {
    Wal::open(Arc::new(FaultyDisk::new(Arc::new(disk.clone()), faults.clone())), Path::new("wal"), OPTIONS).unwrap()
}

/// The last entry that a power cut would leave now.
fn durable(disk: &MemoryDisk) -> Option<u64> {
    let wal = open(&disk.after_power_cut(|| false), &Faults::default());
    wal.extent().last.map(|last| last.index)
}

impl Slow {
    fn new() -> Slow {
        let (disk, faults) = (MemoryDisk::default(), Faults::default());
        let wal = open(&disk, &faults);
        faults.add(Operation::Sync, "wal/", When::Always, Fault::Slow(Duration::from_millis(400)));
        let clock = LeaderClock::new(Arc::new(SystemClock));
        let board = Arc::new(Board::new(Image::default(), Arc::new(NoObserver), clock, 0));
        Slow { disk, wal, board }
    }

    /// The others have entries on disk, so they are applied; here they are on their way.
    async fn apply(&self) {
        let id = |index| EntryId { term: 1, node: 1, index };
        let entries = (0..ENTRIES).map(|index| LogEntry { id: id(index), body: Bytes::from_static(b"an entry") });
        self.wal.append(entries.collect(), || {}).await.unwrap();
        let applied = Some(log_id(id(ENTRIES - 1)));
        let image = Image { state: Arc::new(State::default()), applied, ..Image::default() };
        self.board.publish(image, Happened::default());
        assert_eq!(durable(&self.disk), None, "the disk is slow");
    }
}

/// Notes what the log's disk had when a checkpoint was written.
struct Witness {
    disk: MemoryDisk,
    seen: Arc<AtomicU64>,
}

const NOTHING: u64 = u64::MAX;

impl StateBackend for Witness {
    fn load(&mut self) -> Result<Option<Image>, StoreError> {
        Ok(None)
    }

    fn save(&mut self, _before: &Image, _now: &Image) -> Result<(), StoreError> {
        self.seen.store(durable(&self.disk).unwrap_or_default(), Ordering::Relaxed);
        Ok(())
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn occupied(&self) -> u64 {
        0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_checkpoint_is_ahead_of_the_log_on_disk() {
    let slow = Slow::new();
    slow.apply().await;
    let seen = Arc::new(AtomicU64::new(NOTHING));
    let witness = Witness { disk: slow.disk.clone(), seen: seen.clone() };
    let source = Source {
        board: slow.board.clone(),
        space: Arc::new(Space::new(Arc::new(slow.disk.clone()), Path::new(""), 0)),
        instruments: Instruments::new(&Tuning::default()),
        wal: slow.wal.clone(),
    };
    let held = Image::default();
    let checkpointer = Checkpointer::start(Box::new(witness), held, source, Duration::from_millis(5), Workers::Threads);
    until("a checkpoint is written", || seen.load(Ordering::Relaxed) != NOTHING).await;
    assert_eq!(seen.load(Ordering::Relaxed), ENTRIES - 1);
    checkpointer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_snapshot_of_ours_is_ahead_of_the_log_on_disk() {
    let slow = Slow::new();
    let (snapshots, _) = SnapshotDir::open(Arc::new(slow.disk.clone()), Path::new("snap"), "order").unwrap();
    let instruments = Instruments::new(&Tuning::default());
    let mut machine = Machine::new(slow.board.clone(), Arc::new(snapshots), slow.wal.clone(), instruments);
    slow.apply().await;
    machine.get_snapshot_builder().await.build_snapshot().await.unwrap();
    assert_eq!(durable(&slow.disk), Some(ENTRIES - 1));
}
