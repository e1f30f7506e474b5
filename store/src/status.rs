//! What a member knows of its cluster.

use std::time::Duration;

use crate::member::Member;

/// Many heartbeats, and time for an election.
const SILENCE: Duration = Duration::from_secs(2);

/// Who leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The leader, if this member knows one.
    pub leader: Option<u64>,
    /// The term this member is in.
    pub term: u64,
    /// Whether this member leads. False again as soon as it has lost its majority.
    pub is_leader: bool,
}

/// A member's view of itself and the others.
#[derive(Clone, Debug)]
pub struct StoreStatus {
    /// The cluster.
    pub cluster_id: String,
    /// This member.
    pub node_id: u64,
    /// Who leads.
    pub leadership: Leadership,
    /// The revision of [`crate::Store::state`].
    pub revision: u64,
    /// The oldest readable revision.
    pub compact_revision: u64,
    /// The last entry in this member's log.
    pub last_log_index: u64,
    /// The last entry applied here.
    pub applied_index: u64,
    /// The last entry that the newest snapshot includes.
    pub snapshot_index: u64,
    /// The last entry that was dropped from the log.
    pub purged_index: u64,
    /// All members, by id.
    pub members: Vec<MemberStatus>,
    /// The ids of the members as applied here, that is: without a change that is still under way.
    pub committed_members: Vec<u64>,
    /// How long ago a leader sent something here; `None`: never, since the start.
    pub leader_heard: Option<Duration>,
    /// Whether this member's disk is nearly full; on the leader, writes are refused then.
    pub no_space: bool,
}

impl StoreStatus {
    /// Whether somebody leads who shows it: [`Leadership::leader`] goes on naming one who has fallen silent until another is
    /// elected, which a member that was removed or cut off never sees.
    pub fn is_led(&self) -> bool {
        self.leadership.is_leader || self.leader_heard.is_some_and(|ago| ago < SILENCE)
    }

    /// Whether this member votes.
    pub fn votes(&self) -> bool {
        self.members.iter().any(|member| member.member.id == self.node_id && member.voter)
    }
}

/// One member, as the answering one sees it.
#[derive(Clone, Debug)]
pub struct MemberStatus {
    /// Who it is.
    pub member: Member,
    /// Whether it votes; else it learns.
    pub voter: bool,
    /// Whether it leads.
    pub leader: bool,
    /// On the leader: whether it has answered lately; elsewhere unknown.
    pub reachable: Option<bool>,
    /// On the leader: the last entry known to be on its disk.
    pub matched_index: Option<u64>,
}
