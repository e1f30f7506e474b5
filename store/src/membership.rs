//! Changing who belongs to the cluster. One change at a time, and only the leader makes it.
//!
//! openraft changes voters in two entries: both memberships joined, then the new one alone. A leader that dies in between
//! leaves its successor in the joint one. Whoever leads finishes that before it changes anything else, and if it is on its way
//! out by it, it hands over to a member that stays: a leader that is no member any more must not write a membership.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::ChangeMembers;
use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::raft::Precondition;
use tokio::sync::MutexGuard;
use tokio::time::{Instant, sleep, timeout_at};

use crate::core::{Core, matched_index};
use crate::error::StoreError;
use crate::member::{Member, MemberNode};
use crate::raft::metrics::Metrics;
use crate::raft::types::{StoredMembership, TypeConfig};

/// A learner so close to the leader's end becomes a voter: the rest comes with the next batch.
const CAUGHT_UP: u64 = 64;
const POLL: Duration = Duration::from_millis(20);

type WriteError = RaftError<TypeConfig, ClientWriteError<TypeConfig>>;

impl Core {
    /// Learner, caught up, voter. Asked again for a member that is one, it does nothing.
    pub(crate) async fn add_member(&self, member: Member, deadline: Instant) -> Result<(), StoreError> {
        let settled = self.settled(deadline).await?;
        if !known(&settled, &member)? {
            let learner = ChangeMembers::AddNodes(BTreeMap::from([(member.id, member.node())]));
            self.change(learner, deadline).await?;
        }
        if settled.voter_ids().any(|id| id == member.id) {
            return Ok(());
        }
        self.wait_caught_up(member.id, deadline).await?;
        self.change(ChangeMembers::AddVoterIds(BTreeSet::from([member.id])), deadline).await
    }

    /// Removes a voter or learner. A leader that is to go hands over first, and leaves the rest to its successor.
    pub(crate) async fn remove_member(&self, id: u64, deadline: Instant) -> Result<(), StoreError> {
        let settled = self.settled(deadline).await?;
        if id == self.node_id {
            return Err(self.give_up_leading(deadline).await);
        }
        if settled.get_node(&id).is_none() {
            return Err(StoreError::UnknownMember { id });
        }
        let ids = BTreeSet::from([id]);
        let voter = settled.voter_ids().any(|voter| voter == id);
        let change = if voter { ChangeMembers::RemoveVoters(ids) } else { ChangeMembers::RemoveNodes(ids) };
        self.change(change, deadline).await
    }

    /// Hands over to another voter; whoever asked must go on there.
    async fn give_up_leading(&self, deadline: Instant) -> StoreError {
        let Some(successor) = self.best_successor() else { return StoreError::LastMember };
        match self.transfer_leader(successor, deadline).await {
            Ok(()) => StoreError::NotLeader { leader: Some(successor) },
            Err(error) => error,
        }
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

    /// The voter to hand leadership to: of those that stay, whoever has most of the log.
    pub(crate) fn best_successor(&self) -> Option<u64> {
        let metrics = self.metrics();
        let others = staying(&metrics.membership_config).into_iter().filter(|id| *id != self.node_id);
        others.max_by_key(|id| matched_index(&metrics, *id))
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

    /// Makes a change. Waits for one that is under way, and for a new leader to commit its first entry.
    async fn change(&self, change: ChangeMembers<u64, MemberNode>, deadline: Instant) -> Result<(), StoreError> {
        let _turn = self.turn(deadline).await?;
        loop {
            let settled = self.finish(deadline).await?;
            match self.change_once(change.clone(), &settled, deadline).await {
                Err(StoreError::MembershipBusy) if Instant::now() + POLL < deadline => sleep(POLL).await,
                changed => return changed,
            }
        }
    }

    /// The membership, when no change is under way any more.
    async fn settled(&self, deadline: Instant) -> Result<StoredMembership, StoreError> {
        let _turn = self.turn(deadline).await?;
        self.finish(deadline).await
    }

    /// Finishes what a predecessor has left half done, unless a change of this leader is under way.
    pub(crate) async fn finish_change(&self, deadline: Instant) -> Result<(), StoreError> {
        match self.changing.try_lock() {
            Ok(_turn) => self.finish(deadline).await.map(drop),
            Err(_) => Ok(()),
        }
    }

    async fn turn(&self, deadline: Instant) -> Result<MutexGuard<'_, ()>, StoreError> {
        self.require_leader()?;
        timeout_at(deadline, self.changing.lock()).await.map_err(|_| StoreError::MembershipBusy)
    }

    /// Brings a change that is under way to its end, and gives the membership it ends with.
    async fn finish(&self, deadline: Instant) -> Result<StoredMembership, StoreError> {
        loop {
            self.require_leader()?;
            let now = self.metrics().membership_config.as_ref().clone();
            let is_committed = now.log_id() == self.board.image().membership.log_id();
            if is_committed && !is_joint(&now) {
                return Ok(now);
            }
            if is_committed {
                self.flatten(&now, deadline).await?;
            } else if Instant::now() + POLL > deadline {
                return Err(StoreError::MembershipBusy);
            }
            sleep(POLL).await;
        }
    }

    /// From a joint membership that is committed to the newer of its two.
    async fn flatten(&self, joint: &StoredMembership, deadline: Instant) -> Result<(), StoreError> {
        if !staying(joint).contains(&self.node_id) {
            return Err(self.give_up_leading(deadline).await);
        }
        match self.change_once(ChangeMembers::AddVoterIds(BTreeSet::new()), joint, deadline).await {
            Err(StoreError::MembershipBusy) if Instant::now() + POLL < deadline => Ok(()),
            flattened => flattened,
        }
    }

    /// A change of this membership; not if it is another one by now.
    async fn change_once(
        &self,
        change: ChangeMembers<u64, MemberNode>,
        of: &StoredMembership,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let unchanged = [Precondition::LastMembershipLogId { last_membership_log_id: *of.log_id() }];
        let changed = timeout_at(deadline, self.raft.change_membership_if(change, false, unchanged)).await;
        changed.map_err(|_| StoreError::Timeout)?.map(drop).map_err(refusal)
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

/// Whether the member is in the membership; as another one, it is refused.
fn known(membership: &StoredMembership, member: &Member) -> Result<bool, StoreError> {
    match membership.get_node(&member.id) {
        None => Ok(false),
        Some(node) if node.peer_address == member.peer_address => Ok(true),
        Some(MemberNode { peer_address, .. }) => {
            Err(StoreError::MemberConflict { id: member.id, address: peer_address.clone() })
        }
    }
}

fn is_joint(membership: &StoredMembership) -> bool {
    membership.get_joint_config().len() > 1
}

/// The voters when all changes are done.
fn staying(membership: &StoredMembership) -> BTreeSet<u64> {
    membership.get_joint_config().last().cloned().unwrap_or_default()
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
