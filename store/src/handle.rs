//! The handle that the rest of the process holds.
//!
//! How a write goes: [`Store::txn`] checks its size and proposes it (`propose.rs`); on the leader it enters openraft,
//! which appends it to the log (`wal/`) and sends it to the peers; when a majority has it on disk, each member applies
//! it (`raft/machine.rs`, `xebec_kv::State::apply`), and the proposer gets the outcome.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use xebec_kv::{Body, KeyRange, Outcome, Rejection, Revision, SharedLease, State, Txn, TxnOutcome};

use crate::archive;
use crate::config::StoreConfig;
use crate::core::Core;
use crate::error::StoreError;
use crate::hash_check::HashReport;
use crate::instruments;
use crate::member::Member;
use crate::propose::Purpose;
use crate::running::Running;
use crate::status::{Leadership, StoreStatus};
use crate::watch::{Watch, WatchError, WatchOptions};

/// How long a stopping leader tries to hand over.
const HANDOVER: Duration = Duration::from_millis(1500);

/// A member of a replicated store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    core: Arc<Core>,
    running: Arc<Running>,
}

impl Store {
    /// Opens the data directory, recovers what it holds, and takes part in the cluster.
    pub async fn open(config: StoreConfig) -> Result<Store, StoreError> {
        let (core, running) = crate::open::open(config).await?;
        Ok(Store { core, running: Arc::new(running) })
    }

    /// Makes this member the only one of a new cluster.
    pub async fn initialize(&self) -> Result<(), StoreError> {
        self.core.initialize().await
    }

    /// Whether this member belongs to a cluster.
    pub fn is_initialized(&self) -> bool {
        self.core.wal.extent().last.is_some() || self.core.board.image().applied.is_some()
    }

    /// Runs a transaction, on any member: followers forward it to the leader. When it returns, a majority has it on
    /// disk. On the leader, [`Store::state`] and the observer have seen it then; on a follower they will soon (see
    /// [`Store::wait_revision`]).
    pub async fn txn(&self, txn: Txn, deadline: Instant) -> Result<TxnOutcome, StoreError> {
        self.run(txn, Purpose::Any, deadline).await
    }

    /// The same, for a transaction that leads to a delete: it is taken even when the leader's disk is nearly full, as
    /// transactions without a put are anyway.
    pub async fn txn_freeing(&self, txn: Txn, deadline: Instant) -> Result<TxnOutcome, StoreError> {
        self.run(txn, Purpose::Freeing, deadline).await
    }

    async fn run(&self, txn: Txn, purpose: Purpose, deadline: Instant) -> Result<TxnOutcome, StoreError> {
        self.core.limits.check(&txn)?;
        match self.core.propose_for(&Body::Txn(txn), purpose, deadline).await? {
            Outcome::Txn(outcome) => Ok(outcome),
            _ => Err(StoreError::Rejected(Rejection::Malformed)),
        }
    }

    /// Forgets history before `revision`, in steps. Happens by itself (see [`crate::Tuning`]); this is for those in a hurry.
    pub async fn compact(&self, revision: u64, deadline: Instant) -> Result<(), StoreError> {
        self.core.compact(revision, u32::MAX, deadline).await
    }

    /// Creates a lease: its keys go unless it is renewed within `ttl`.
    pub async fn lease_grant(&self, id: u64, ttl: Duration, deadline: Instant) -> Result<(), StoreError> {
        self.core.propose(&Body::LeaseGrant { id, ttl_ms: ttl.as_millis() as u64 }, deadline).await.map(drop)
    }

    /// Starts a lease's time anew.
    pub async fn lease_renew(&self, id: u64, deadline: Instant) -> Result<(), StoreError> {
        self.core.propose(&Body::LeaseRenew { id }, deadline).await.map(drop)
    }

    /// Ends a lease and deletes its keys.
    pub async fn lease_revoke(&self, id: u64, deadline: Instant) -> Result<(), StoreError> {
        self.core.propose(&Body::LeaseRevoke { id }, deadline).await.map(drop)
    }

    /// A lease for keys that shall go `ttl` after they were put, or up to a minute later. Many keys share it: most calls
    /// find one that is there and cost nothing.
    pub async fn shared_lease(&self, ttl: Duration, deadline: Instant) -> Result<u64, StoreError> {
        match self.state().shared_lease(self.core.board.time_ms(), ttl.as_millis() as u64) {
            SharedLease::There { id } => Ok(id),
            SharedLease::Grant { id, ttl_ms } => {
                self.core.propose(&Body::LeaseGrant { id, ttl_ms }, deadline).await?;
                Ok(id)
            }
        }
    }

    /// After it, [`Store::state`] holds every write that was acknowledged anywhere before the call. Gives the revision.
    pub async fn read_barrier(&self, deadline: Instant) -> Result<u64, StoreError> {
        self.core.read_barrier(deadline).await
    }

    /// Waits until this member has applied `revision`.
    pub async fn wait_revision(&self, revision: u64, deadline: Instant) -> Result<(), StoreError> {
        let mut applied = self.core.board.applied();
        let reached = applied.wait_for(|_| self.core.board.image().state.revision() >= revision);
        let reached = tokio::time::timeout_at(deadline, reached).await.map_err(|_| StoreError::Timeout)?;
        reached.map(drop).map_err(|_| StoreError::Stopped { reason: "shut down".to_owned() })
    }

    /// The state as applied here; takes no lock.
    pub fn state(&self) -> Arc<State> {
        self.core.board.image().state.clone()
    }

    /// Follows the changes of a range, on any member: those of revision `from` and later, past or future; 0: those that
    /// come next. Fails when the changes of `from` are compacted.
    pub fn watch(&self, range: KeyRange, from: Revision, options: WatchOptions) -> Result<Watch, WatchError> {
        Watch::new(self.core.board.clone(), range, from, options)
    }

    /// Compares the states of all members at one entry of the log. Fails without a majority.
    pub async fn hash_check(&self, deadline: Instant) -> Result<HashReport, StoreError> {
        self.core.hash_check(deadline).await
    }

    /// Who leads, as it changes.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.core.leadership.clone()
    }

    /// This member's view of the cluster.
    pub fn status(&self) -> StoreStatus {
        self.core.status()
    }

    /// The state as a stream of bytes, in the format of a snapshot file, which [`crate::inspect`] reads.
    pub fn export(&self) -> mpsc::Receiver<io::Result<Bytes>> {
        archive::export(self.core.board.image(), &self.core.cluster_id)
    }

    /// Offers this member's metrics, under etcd's names where the meaning is the same.
    pub fn register_metrics(&self, registry: &mut Registry) {
        instruments::register(&self.core, registry);
    }

    /// Adds a member: as a learner first, and as a voter once it has caught up. The leader's alone.
    pub async fn add_member(&self, member: Member, deadline: Instant) -> Result<(), StoreError> {
        self.core.add_member(member, deadline).await
    }

    /// Removes a member. The leader's alone.
    pub async fn remove_member(&self, id: u64, deadline: Instant) -> Result<(), StoreError> {
        self.core.remove_member(id, deadline).await
    }

    /// Hands leadership to another voter. The leader's alone.
    pub async fn transfer_leader(&self, to: u64, deadline: Instant) -> Result<(), StoreError> {
        self.core.transfer_leader(to, deadline).await
    }

    /// Hands leadership over, stops, and leaves everything on disk. Other handles of this store fail from then on.
    pub async fn shutdown(self) {
        if let Some(successor) = self.core.best_successor()
            && let Err(error) = self.core.transfer_leader(successor, Instant::now() + HANDOVER).await
        {
            tracing::debug!(%error, "not handing leadership over");
        }
        self.running.stop(&self.core).await;
    }

    /// What all parts of this member share.
    #[cfg(test)]
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// The disk answers so about its free space from now on; `u64::MAX`: it is asked again.
    #[cfg(test)]
    pub(crate) fn pretend_free_space(&self, bytes: u64) {
        self.core.space.pretend(bytes);
    }

    /// Stops at once, as if the process had been killed: no handover, no last checkpoint.
    #[cfg(test)]
    pub(crate) async fn kill(self) {
        self.running.stop(&self.core).await;
    }
}
