//! The deterministic MVCC state machine: bytes in, bytes out.
//!
//! ```text
//! Command ──apply──► State ──► Outcome  (to the caller)
//!                      │  └──► Event*   (to the watch feed)
//!                      └─ get, scan, get_at, scan_at, events_after: reads at any kept revision
//! ```
//!
//! Every replica applies the same commands in the same order and holds the same [`State`], which [`State::hash`]
//! proves. A state is a set of persistent maps: cloning it costs nothing, so readers, snapshots and checkpoints work
//! on a clone while writes go on.
//!
//! Absent on purpose: disks, networks, threads, clocks and randomness (time comes in [`Command::time_ms`], stamped by
//! the leader), and any idea of what a value means.

mod advance;
mod apply;
mod chain;
mod compact;
mod compare;
mod diff;
mod hash;
mod history;
mod keys;
mod lease;
mod limits;
mod model;
mod older;
mod overlay;
mod past;
mod range;
mod rejection;
mod restore;
mod session;
mod shared_lease;
mod state;
mod txn;
pub mod wire;

pub use compare::{Compare, Operand, Relation};
pub use diff::Change;
pub use keys::KeyRange;
pub use lease::Lease;
pub use limits::{COMPACTION_STEP, KEPT_ANSWER_BYTES, MAX_ANSWER_BYTES, MAX_LEASE_KEYS, MAX_RANGE_KEYS, MAX_TXN_DEPTH};
pub use model::{
    Applied, Body, Command, Event, HashMark, KeyValue, Op, OpResponse, Outcome, RangeRead, RequestId, Revision, Txn,
    TxnOutcome,
};
pub use past::PastError;
pub use range::Range;
pub use rejection::Rejection;
pub use restore::{Header, LeaseRecord, RestoreError, SessionRecord, VersionRecord};
pub use shared_lease::{SPREAD_MS, SharedLease};
pub use state::State;
