//! openraft's own tests of log storage and state machine, over ours.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};

use super::types::TypeConfig;
use super::{Board, Image, Machine, RaftLog};
use crate::clock::LeaderClock;
use crate::config::Tuning;
use crate::disk::faulty::{Fault, Faults, FaultyDisk, Operation, When};
use crate::disk::memory::MemoryDisk;
use crate::disk::{Disk, RealDisk};
use crate::instruments::Instruments;
use crate::observer::NoObserver;
use crate::snapshot::SnapshotDir;
use crate::wal::{Wal, WalOptions};
use crate::world::SystemClock;

/// Small, so that segments roll and the cache does not hide the disk.
const OPTIONS: WalOptions = WalOptions { segment_bytes: 4096, cache_bytes: 128 };

fn build_on(disk: Arc<dyn Disk>, dir: &Path) -> (RaftLog, Machine) {
    let wal = Wal::open(disk.clone(), &dir.join("wal"), OPTIONS).expect("a fresh log opens");
    let (snapshots, _) = SnapshotDir::open(disk, &dir.join("snap"), "suite").expect("a fresh directory opens");
    let clock = LeaderClock::new(Arc::new(SystemClock));
    let board = Arc::new(Board::new(Image::default(), Arc::new(NoObserver), clock, 1 << 20));
    let machine = Machine::new(board, Arc::new(snapshots), wal.clone(), Instruments::new(&Tuning::default()));
    (RaftLog::new(wal), machine)
}

/// All on one disk, because the suite carries a snapshot from one store to another.
struct Shared {
    disk: Arc<dyn Disk>,
    count: AtomicU64,
}

impl Shared {
    fn new(disk: impl Disk + 'static) -> Shared {
        Shared { disk: Arc::new(disk), count: AtomicU64::new(0) }
    }
}

impl StoreBuilder<TypeConfig, RaftLog, Machine, ()> for Shared {
    async fn build(&self) -> Result<((), RaftLog, Machine), StorageError<TypeConfig>> {
        let dir = format!("data-{}", self.count.fetch_add(1, Ordering::Relaxed));
        let (log, machine) = build_on(self.disk.clone(), Path::new(&dir));
        Ok(((), log, machine))
    }
}

struct OnDisk;

impl StoreBuilder<TypeConfig, RaftLog, Machine, tempfile::TempDir> for OnDisk {
    async fn build(&self) -> Result<(tempfile::TempDir, RaftLog, Machine), StorageError<TypeConfig>> {
        let dir = tempfile::tempdir().expect("there is room for a directory");
        let (log, machine) = build_on(Arc::new(RealDisk), dir.path());
        Ok((dir, log, machine))
    }
}

#[tokio::test]
async fn openrafts_suite_in_memory() {
    Suite::test_all(Shared::new(MemoryDisk::default())).await.expect("the suite passes");
}

#[tokio::test]
async fn openrafts_suite_on_disk() {
    Suite::test_all(OnDisk).await.expect("the suite passes");
}

/// Slow at times, and without room for a new segment at times: the log is late, and right.
#[tokio::test]
async fn openrafts_suite_on_a_faulty_disk() {
    let faults = Faults::default();
    let slow = Fault::Slow(Duration::from_millis(2));
    faults.add(Operation::Sync, "wal", When::OneIn { of: 3, seed: 1 }, slow);
    faults.add(Operation::Create, "wal", When::OneIn { of: 2, seed: 2 }, Fault::ENOSPC);
    let disk = FaultyDisk::new(Arc::new(MemoryDisk::default()), faults);
    Suite::test_all(Shared::new(disk)).await.expect("the suite passes");
}
