//! The replicated store: openraft, a write-ahead log of our own, a sled checkpoint, snapshots.
//!
//! ```text
//!  Store::txn ──► proposer ──(leader?)──► openraft ──► wal writer ──fdatasync──┐
//!                    │ no                    │                                 │ flushed
//!                    └──► leader's Propose   ├──► peers (tonic, mTLS)          ▼
//!                                            └──────────── quorum ──► state machine ──► ApplyObserver, Watch
//!                                                                        │ publishes Arc<State>
//!  Store::state ◄──────────────────────────────────────────────────────┘  └──► checkpoint (sled), snapshots
//! ```
//!
//! A write is acknowledged when a majority has it on disk. `handle.rs` is where to start reading; `docs/store.md`
//! describes the formats on disk and the invariants.

mod archive;
mod checkpoint;
mod clock;
mod config;
mod core;
mod damage;
mod disk;
mod error;
mod handle;
mod hash_check;
mod identity;
mod instruments;
mod leadership;
mod limits;
mod maintenance;
mod member;
mod membership;
mod network;
mod observer;
mod open;
mod patience;
mod propose;
mod raft;
mod reads;
mod recovery;
mod relief;
mod running;
mod session;
mod slow;
mod snapshot;
mod space;
mod status;
#[cfg(test)]
mod tests;
mod wal;
mod watch;
mod watchdog;
pub mod world;

/// Test doubles of the disk and the checkpoint, for the simulation and the tests on real processes.
#[cfg(feature = "testing")]
pub mod testing {
    pub use crate::checkpoint::MemoryCheckpoint;
    pub use crate::disk::faulty::{Fault, Faults, FaultyDisk, Operation, When};
    pub use crate::disk::memory::MemoryDisk;
}

pub use archive::{Rebuild, Summary, Usage, inspect, recover, restore};
pub use config::{PeerTls, StoreConfig, Tuning};
pub use disk::{Disk, DiskFile, Lock, RealDisk};
pub use error::StoreError;
pub use handle::Store;
pub use hash_check::{HashReport, MemberHash};
pub use member::Member;
pub use observer::{ApplyObserver, NoObserver};
pub use slow::SlowLog;
pub use status::{Leadership, MemberStatus, StoreStatus};
pub use watch::{Watch, WatchBatch, WatchError, WatchOptions};
pub use world::World;
pub use xebec_kv as kv;
