//! A member of the cluster, as all members know it.

use serde::{Deserialize, Serialize};

/// A master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Unique, never used twice.
    pub id: u64,
    /// For people.
    pub name: String,
    /// `host:port` for peers.
    pub peer_address: String,
    /// `host:port` of its API.
    pub api_address: String,
}

/// What the Raft membership keeps for an id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemberNode {
    /// For people.
    pub name: String,
    /// `host:port` for peers.
    pub peer_address: String,
    /// `host:port` of its API.
    pub api_address: String,
}

impl Member {
    pub(crate) fn node(&self) -> MemberNode {
        MemberNode {
            name: self.name.clone(),
            peer_address: self.peer_address.clone(),
            api_address: self.api_address.clone(),
        }
    }

    pub(crate) fn from_node(id: u64, node: &MemberNode) -> Member {
        let MemberNode { name, peer_address, api_address } = node.clone();
        Member { id, name, peer_address, api_address }
    }
}
