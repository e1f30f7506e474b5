//! openraft's types, made concrete.

use std::fmt;

use bytes::Bytes;
use openraft::type_config::alias;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xebec_kv::{Outcome, wire};

use super::Machine;
use crate::member::MemberNode;

openraft::declare_raft_types!(
    /// What our Raft is made of. Leader ids are pairs of term and node, totally ordered, so that split votes are rare.
    pub(crate) TypeConfig:
        D = Proposal,
        R = Reply,
        NodeId = u64,
        Node = MemberNode,
);

pub(crate) type Raft = openraft::Raft<TypeConfig, Machine>;
pub(crate) type Entry = alias::EntryOf<TypeConfig>;
pub(crate) type LogId = alias::LogIdOf<TypeConfig>;
pub(crate) type Vote = alias::VoteOf<TypeConfig>;
pub(crate) type StoredMembership = alias::StoredMembershipOf<TypeConfig>;
pub(crate) type SnapshotMeta = alias::SnapshotMetaOf<TypeConfig>;
pub(crate) type Snapshot = alias::SnapshotOf<TypeConfig, crate::snapshot::SnapshotFile>;

/// A command as it enters the log: encoded once, by whoever proposes it, and stamped by the leader. It keeps the bytes of its
/// log entry, which log and network then share.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    body: Bytes,
}

/// Kind and time stamp.
const HEAD: usize = 9;

impl Proposal {
    /// The kind of entry that holds a proposal.
    pub(crate) const KIND: u8 = 1;

    pub(crate) fn new(time_ms: u64, command: &[u8]) -> Proposal {
        let mut body = Vec::with_capacity(HEAD + command.len());
        body.push(Proposal::KIND);
        body.extend_from_slice(&time_ms.to_le_bytes());
        body.extend_from_slice(command);
        Proposal { body: body.into() }
    }

    /// From the bytes of its log entry; `None`: they are too few.
    pub(crate) fn from_body(body: Bytes) -> Option<Proposal> {
        (body.len() >= HEAD).then_some(Proposal { body })
    }

    /// The bytes of its log entry.
    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    pub(crate) fn time_ms(&self) -> u64 {
        self.body.get(1..HEAD).and_then(|stamp| stamp.try_into().ok()).map_or(0, u64::from_le_bytes)
    }

    pub(crate) fn command(&self) -> Bytes {
        self.body.slice(HEAD..)
    }
}

/// What applying an entry answers.
#[derive(Clone, Debug)]
pub(crate) struct Reply(pub(crate) Outcome);

impl fmt::Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proposal({} bytes)", self.body.len())
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Serialize for Proposal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.time_ms(), &self.command()[..]).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Proposal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Proposal, D::Error> {
        let (time_ms, command) = <(u64, Vec<u8>)>::deserialize(deserializer)?;
        Ok(Proposal::new(time_ms, &command))
    }
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        wire::encode_outcome(&self.0)[..].serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Reply {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Reply, D::Error> {
        let bytes = Bytes::from(Vec::<u8>::deserialize(deserializer)?);
        wire::decode_outcome(&bytes).map(Reply).map_err(serde::de::Error::custom)
    }
}
