//! The handle that the rest of the process holds.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;
use xebec_kv::{State, Txn, TxnOutcome};

use crate::config::StoreConfig;
use crate::error::StoreError;
use crate::member::Member;
use crate::status::{Leadership, StoreStatus};

/// A member of a replicated store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    state: arc_swap::ArcSwap<State>,
    leadership: watch::Receiver<Leadership>,
    status: StoreStatus,
}

impl Store {
    /// Opens the data directory, recovers what it holds, and takes part in the cluster.
    pub async fn open(_config: StoreConfig) -> Result<Store, StoreError> {
        Err(StoreError::NoQuorum)
    }

    /// Makes this member the only one of a new cluster.
    pub async fn initialize(&self) -> Result<(), StoreError> {
        Err(StoreError::NoQuorum)
    }

    /// Whether this member belongs to a cluster.
    pub fn is_initialized(&self) -> bool {
        !self.inner.status.members.is_empty()
    }

    /// Runs a transaction, on any member: followers forward it to the leader. When it returns, a majority has it on
    /// disk and this process's observer may or may not have seen it yet (see [`Store::read_barrier`]).
    pub async fn txn(&self, _txn: Txn, _deadline: Instant) -> Result<TxnOutcome, StoreError> {
        Err(StoreError::NoQuorum)
    }

    /// After it, [`Store::state`] holds every write that was acknowledged anywhere before the call.
    pub async fn read_barrier(&self, _deadline: Instant) -> Result<u64, StoreError> {
        Err(StoreError::NoQuorum)
    }

    /// The state as applied here; takes no lock.
    pub fn state(&self) -> Arc<State> {
        self.inner.state.load_full()
    }

    /// Who leads, as it changes.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.inner.leadership.clone()
    }

    /// This member's view of the cluster.
    pub fn status(&self) -> StoreStatus {
        self.inner.status.clone()
    }

    /// Adds a member: as a learner first, and as a voter once it has caught up. The leader's alone.
    pub async fn add_member(&self, _member: Member, _deadline: Instant) -> Result<(), StoreError> {
        Err(StoreError::NoQuorum)
    }

    /// Removes a member. The leader's alone.
    pub async fn remove_member(&self, _id: u64, _deadline: Instant) -> Result<(), StoreError> {
        Err(StoreError::NoQuorum)
    }

    /// Hands leadership to another voter. The leader's alone.
    pub async fn transfer_leader(&self, _to: u64, _deadline: Instant) -> Result<(), StoreError> {
        Err(StoreError::NoQuorum)
    }

    /// Hands leadership over, stops, and leaves everything on disk.
    pub async fn shutdown(self) {}
}
