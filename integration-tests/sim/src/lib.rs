//! Clusters of the real store in a simulated world.
//!
//! The store that ships, with openraft and tonic as they are, runs on hosts whose clock, network, disks and chance belong to the
//! simulation (turmoil, and the store's `World`). One thread does everything, so that **one seed gives one history**: a seed that
//! fails fails again, every time.
//!
//! ```text
//!  seed ──► faults.rs: what goes wrong, when        cluster.rs: hosts, network, who is hit
//!                                                        │
//!  clients.rs ─► Store ─► openraft ─► WAL ─► disk.rs     │ kills, power cuts, partitions, slow and failing disks,
//!  watchers.rs ◄───┘        └─► tonic ─► network.rs ◄────┘ membership, clocks, compaction
//!        │
//!        └──► record.rs ──► checks/: one invariant a file
//! ```
//!
//! A simulation (`simulation.rs`) forms a cluster, lets faults happen for some seconds while clients and watchers work, mends
//! everything, waits until all members have the same, and then checks what was recorded:
//!
//! - `linearizable`: each key behaves as if requests had been done one at a time; `acknowledged`: what a client was told was done
//!   is in the history, and `refused`: what was refused is not; `once`: nothing was applied twice; `reads`: every read shows a
//!   state that was; `revisions`: they never go back.
//! - `agreement`: all members apply the same, without gaps; `hashes`: and have the same state after the same entry.
//! - `watch *`: watchers are given every revision, whole, in order, once, and go on at another member where they were.
//! - `leases`: keys of a lease go together, and do go. At the end there is one configuration, and everybody runs.
//!
//! To run it:
//!
//! ```sh
//! cargo test -p xebec-sim --test sim                                            # 60 s of seeds, the mutants, the rest
//! XEBEC_SIM_SECONDS=3600 cargo test -p xebec-sim --test sim seeds -- --nocapture      # an hour of seeds
//! XEBEC_SIM_FROM=100000 …                                                       # others than CI's
//! XEBEC_SIM_SEED=17 cargo test -p xebec-sim --test sim one_seed -- --nocapture  # one again
//! ```
//!
//! `mutant.rs` names faults put in on purpose: each must be found within a few seeds, or the checks are worth nothing.
//!
//! Not simulated: TLS, sled (its files and threads are its own), threads, the kernel's TCP (segments that a cut swallows are not
//! sent again, so that connections break where real ones would stall). For these there are tests on real processes.

mod campaign;
mod chance;
mod checks;
mod clients;
mod cluster;
mod disk;
mod faults;
mod hooks;
mod member;
mod mutant;
mod network;
mod outage;
mod record;
mod simulation;
mod watchers;
mod yes_man;

pub use campaign::Campaign;
pub use faults::Fault;
pub use mutant::Mutant;
pub use outage::Outage;
pub use simulation::{Report, Scenario};
