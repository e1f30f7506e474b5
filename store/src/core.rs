//! What all parts of a member share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use openraft::ServerState;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::Tuning;
use crate::error::StoreError;
use crate::instruments::Instruments;
use crate::limits::Limits;
use crate::member::Member;
use crate::network::{Forwarder, Peers};
use crate::raft::Board;
use crate::raft::metrics::{Metrics, MetricsWatch, Roles, member_age};
use crate::raft::types::Raft;
use crate::reads::ReadQueue;
use crate::session::Session;
use crate::snapshot::SnapshotDir;
use crate::space::Space;
use crate::status::{Leadership, MemberStatus, StoreStatus};
use crate::wal::Wal;

/// One member, running.
pub(crate) struct Core {
    pub(crate) data_dir: PathBuf,
    pub(crate) cluster_id: String,
    pub(crate) node_id: u64,
    pub(crate) me: Member,
    pub(crate) tuning: Tuning,
    pub(crate) raft: Raft,
    pub(crate) roles: MetricsWatch<Roles>,
    pub(crate) board: Arc<Board>,
    pub(crate) wal: Wal,
    pub(crate) snapshots: Arc<SnapshotDir>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) forwarder: Forwarder,
    pub(crate) reads: ReadQueue,
    pub(crate) leadership: watch::Receiver<Leadership>,
    pub(crate) session: Session,
    pub(crate) limits: Limits,
    /// Held while this member changes the membership.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// When a leader last sent something.
    pub(crate) leader_heard: Mutex<Option<Instant>>,
    pub(crate) started: Instant,
    pub(crate) space: Arc<Space>,
    pub(crate) instruments: Instruments,
}

impl Core {
    pub(crate) fn metrics(&self) -> Metrics {
        self.watch_metrics().look(Metrics::clone)
    }

    pub(crate) fn watch_metrics(&self) -> MetricsWatch {
        MetricsWatch::new(self.raft.metrics())
    }

    /// Whom openraft takes for the leader; it may have died since.
    pub(crate) fn presumed_leader(&self) -> Option<u64> {
        self.roles.look(|roles| roles.current_leader)
    }

    pub(crate) fn peer_address(&self, id: u64) -> Option<String> {
        self.roles.look(|roles| roles.membership_config.get_node(&id).map(|node| node.peer_address.clone()))
    }

    /// A leader has sent something.
    pub(crate) fn hear_leader(&self) {
        *self.leader_heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(crate) fn leader_heard(&self) -> Option<Instant> {
        *self.leader_heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the log is known to be committed.
    pub(crate) fn committed_index(&self) -> u64 {
        self.wal.committed().map_or(0, |id| id.index)
    }

    /// Refuses what only the leader may do.
    pub(crate) fn require_leader(&self) -> Result<(), StoreError> {
        let metrics = self.metrics();
        if metrics.state == ServerState::Leader {
            return Ok(());
        }
        Err(StoreError::NotLeader { leader: metrics.current_leader })
    }

    pub(crate) fn status(&self) -> StoreStatus {
        let metrics = self.metrics();
        let image = self.board.image();
        let leadership = *self.leadership.borrow();
        StoreStatus {
            cluster_id: self.cluster_id.clone(),
            node_id: self.node_id,
            leadership,
            revision: image.state.revision(),
            compact_revision: image.state.compact_revision(),
            last_log_index: metrics.last_log_index.unwrap_or_default(),
            applied_index: image.applied_index(),
            snapshot_index: metrics.snapshot.map_or(0, |id| id.index),
            purged_index: metrics.purged.map_or(0, |id| id.index),
            members: self.member_statuses(&metrics, leadership),
            committed_members: image.membership.nodes().map(|(id, _)| *id).collect(),
            leader_heard: self.leader_heard().map(|heard| heard.elapsed()),
            no_space: self.space.short(),
        }
    }

    fn member_statuses(&self, metrics: &Metrics, leadership: Leadership) -> Vec<MemberStatus> {
        let voters: Vec<u64> = metrics.membership_config.voter_ids().collect();
        let status = |(id, node): (&u64, &crate::member::MemberNode)| MemberStatus {
            member: Member::from_node(*id, node),
            voter: voters.contains(id),
            leader: leadership.leader == Some(*id),
            reachable: self.reachable(metrics, *id),
            matched_index: matched_index(metrics, *id),
        };
        metrics.membership_config.nodes().map(status).collect()
    }

    /// Whether a member answered within the leader's patience.
    fn reachable(&self, metrics: &Metrics, id: u64) -> Option<bool> {
        metrics.heartbeat.as_ref()?;
        let age = member_age(metrics, id);
        Some(id == self.node_id || age.is_some_and(|age| age < self.tuning.election_max * 2))
    }
}

/// On the leader: how far a member's log is known to agree with ours.
pub(crate) fn matched_index(metrics: &Metrics, id: u64) -> Option<u64> {
    let matched = metrics.replication.as_ref()?.get(&id).copied().flatten();
    matched.map(|id| id.index)
}
