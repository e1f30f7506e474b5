//! What comes out: a node, or the reasons why there is none.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Where one pod goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes to this node, and the snapshot counts it there from now on.
    Bind {
        /// The node's name.
        node: Arc<str>,
    },
    /// No node would have it now.
    Unfit(Arc<Unfit>),
}

/// Why one node would not have a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It is cordoned.
    Unschedulable,
    /// It does not report that it is ready.
    NotReady,
    /// The pod names another node.
    NodeName,
    /// The pod does not accept a taint.
    Taint {
        /// The taint's key.
        key: String,
        /// Its value.
        value: String,
    },
    /// Its labels do not satisfy node selector or node affinity.
    Selector,
    /// A host port is taken.
    HostPorts,
    /// Its pods are as many as it takes.
    TooManyPods,
    /// Too little is left of a resource.
    Insufficient {
        /// The resource's name.
        resource: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unschedulable => f.write_str("node(s) were unschedulable"),
            Self::NotReady => f.write_str("node(s) were not ready"),
            Self::NodeName => f.write_str("node(s) didn't match the requested node name"),
            Self::Taint { key, value } => write!(f, "node(s) had untolerated taint {{{key}: {value}}}"),
            Self::Selector => f.write_str("node(s) didn't match Pod's node affinity/selector"),
            Self::HostPorts => f.write_str("node(s) didn't have free ports for the requested pod ports"),
            Self::TooManyPods => f.write_str("Too many pods"),
            Self::Insufficient { resource } => write!(f, "Insufficient {resource}"),
        }
    }
}

/// Why no node fits, counted over all nodes. Displays as kube-scheduler says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfit {
    /// Number of nodes looked at.
    pub nodes: usize,
    /// How many nodes gave each reason.
    pub reasons: BTreeMap<Reason, usize>,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nodes == 0 {
            return f.write_str("no nodes available to schedule pods");
        }
        let mut parts: Vec<String> = self.reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        parts.sort();
        write!(f, "0/{} nodes are available: {}.", self.nodes, parts.join(", "))
    }
}
