//! Changing who belongs to the cluster. One change at a time, and only the leader makes it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::ChangeMembers;
use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use tokio::time::{Instant, sleep, timeout_at};

use crate::core::{Core, matched_index};
use crate::error::StoreError;
use crate::member::{Member, MemberNode};
use crate::raft::metrics::Metrics;
use crate::raft::types::TypeConfig;

/// A learner so close to the leader's end becomes a voter: the rest comes with the next batch.
const CAUGHT_UP: u64 = 64;
const POLL: Duration = Duration::from_millis(20);

type WriteError = RaftError<TypeConfig, ClientWriteError<TypeConfig>>;

impl Core {
    /// Learner, caught up, voter. Asked again for a member that is one, it does nothing.
    pub(crate) async fn add_member(&self, member: Member, deadline: Instant) -> Result<(), StoreError> {
        self.require_leader()?;
        if !self.known(&member)? {
            self.patiently(deadline, || self.raft.add_learner(member.id, member.node(), false)).await?;
        }
        if self.metrics().membership_config.voter_ids().any(|id| id == member.id) {
            return Ok(());
        }
        self.wait_caught_up(member.id, deadline).await?;
        self.change(ChangeMembers::AddVoterIds(BTreeSet::from([member.id])), deadline).await
    }

    /// Removes a voter or learner. A leader that is to go hands over first, and leaves the rest to its successor.
    pub(crate) async fn remove_member(&self, id: u64, deadline: Instant) -> Result<(), StoreError> {
        self.require_leader()?;
        if id == self.node_id {
            let successor = self.best_successor().ok_or(StoreError::LastMember)?;
            self.transfer_leader(successor, deadline).await?;
            return Err(StoreError::NotLeader { leader: Some(successor) });
        }
        let membership = self.metrics().membership_config;
        if membership.get_node(&id).is_none() {
            return Err(StoreError::UnknownMember { id });
        }
        let ids = BTreeSet::from([id]);
        let voter = membership.voter_ids().any(|voter| voter == id);
        let change = if voter { ChangeMembers::RemoveVoters(ids) } else { ChangeMembers::RemoveNodes(ids) };
        self.change(change, deadline).await
    }

    /// Hands leadership to a voter and waits until it leads.
    pub(crate) async fn transfer_leader(&self, to: u64, deadline: Instant) -> Result<(), StoreError> {
        self.require_leader()?;
        if !self.metrics().membership_config.voter_ids().any(|voter| voter == to) {
            return Err(StoreError::UnknownMember { id: to });
        }
        let stopped = |reason: String| StoreError::Stopped { reason };
        self.raft.trigger().transfer_leader(to).await.map_err(|fatal| stopped(fatal.to_string()))?;
        let mut metrics = self.watch_metrics();
        let leads = timeout_at(deadline, metrics.wait_for(|metrics| metrics.current_leader == Some(to))).await;
        let leads = leads.map_err(|_| StoreError::Timeout)?;
        if leads { Ok(()) } else { Err(stopped("shut down".to_owned())) }
    }

    /// The voter to hand leadership to: whoever has most of the log.
    pub(crate) fn best_successor(&self) -> Option<u64> {
        let metrics = self.metrics();
        let others = metrics.membership_config.voter_ids().filter(|id| *id != self.node_id);
        others.max_by_key(|id| matched_index(&metrics, *id))
    }

    /// Whether the member is in the membership; as another one, it is refused.
    fn known(&self, member: &Member) -> Result<bool, StoreError> {
        let membership = self.metrics().membership_config;
        match membership.get_node(&member.id) {
            None => Ok(false),
            Some(node) if node.peer_address == member.peer_address => Ok(true),
            Some(MemberNode { peer_address, .. }) => {
                Err(StoreError::MemberConflict { id: member.id, address: peer_address.clone() })
            }
        }
    }

    async fn wait_caught_up(&self, id: u64, deadline: Instant) -> Result<(), StoreError> {
        loop {
            self.require_leader()?;
            if is_caught_up(&self.metrics(), id) {
                return Ok(());
            }
            if Instant::now() + POLL > deadline {
                return Err(StoreError::Timeout);
            }
            sleep(POLL).await;
        }
    }

    async fn change(&self, change: ChangeMembers<u64, MemberNode>, deadline: Instant) -> Result<(), StoreError> {
        self.patiently(deadline, || self.raft.change_membership(change.clone(), false)).await
    }

    /// Makes a change. Waits for one that is under way, and for a new leader to commit its first entry.
    async fn patiently<T, F>(&self, deadline: Instant, change: impl Fn() -> F) -> Result<(), StoreError>
    where
        F: Future<Output = Result<T, WriteError>>,
    {
        loop {
            // A leader that was put out meanwhile must not go on changing.
            self.require_leader()?;
            let changed = timeout_at(deadline, change()).await;
            match changed.map_err(|_| StoreError::Timeout)?.map(drop).map_err(refusal) {
                Err(StoreError::MembershipBusy) if Instant::now() + POLL < deadline => sleep(POLL).await,
                changed => return changed,
            }
        }
    }

    /// Makes this member the only one of a new cluster.
    pub(crate) async fn initialize(&self) -> Result<(), StoreError> {
        let members = BTreeMap::from([(self.node_id, self.me.node())]);
        self.raft.initialize(members).await.map_err(|error| match error {
            RaftError::APIError(_) => StoreError::AlreadyInitialized,
            RaftError::Fatal(fatal) => StoreError::Stopped { reason: fatal.to_string() },
        })
    }
}

/// On the leader: whether a member has nearly all of the log.
pub(crate) fn is_caught_up(metrics: &Metrics, id: u64) -> bool {
    let last = metrics.last_log_index.unwrap_or_default();
    matched_index(metrics, id).is_some_and(|matched| matched + CAUGHT_UP >= last)
}

fn refusal(error: WriteError) -> StoreError {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => {
            StoreError::NotLeader { leader: forward.leader_id }
        }
        RaftError::APIError(ClientWriteError::LogEntryDiscarded(_)) => StoreError::Timeout,
        RaftError::APIError(ClientWriteError::ChangeMembershipError(refused)) => match refused {
            ChangeMembershipError::LearnerNotFound(missing) => StoreError::UnknownMember { id: missing.node_id },
            _ => StoreError::MembershipBusy,
        },
        RaftError::APIError(ClientWriteError::PreconditionFailed(_)) => StoreError::MembershipBusy,
        RaftError::Fatal(fatal) => StoreError::Stopped { reason: fatal.to_string() },
    }
}
