//! What the masters ask of this node, in the order in which they asked.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use xebec_proto::v1::{NetworkChange, OpenStream, PodRemoved, Reference};

use super::StreamDialer;

/// One thing to do. Every item states what should be, so doing it twice does no harm.
#[derive(Debug)]
pub enum Work {
    /// A pod bound to this node, at its newest; with `metadata.deletionTimestamp` it is to be stopped.
    Pod {
        /// The revision that this state of the pod has in the cluster.
        revision: u64,
        /// The pod itself.
        pod: Box<Pod>,
        /// Its ConfigMaps and Secrets that exist.
        references: Vec<Reference>,
    },
    /// The pod object is gone: whatever still runs of it must stop.
    PodRemoved(PodRemoved),
    /// A ConfigMap or Secret that a pod of this node uses has changed, appeared or gone (`json` is empty then).
    Reference {
        /// The revision of the change.
        revision: u64,
        /// Its new content.
        reference: Reference,
    },
    /// The whole state has been sent. Pods whose uid is not in `pods` are not bound to this node any more.
    Synced {
        /// The revision that the state is of.
        revision: u64,
        /// The uids of all pods bound to this node.
        pods: BTreeSet<String>,
    },
    /// Somebody wants a pod's logs, or to run a command in it: dial, and serve.
    OpenStream(OpenStream, StreamDialer),
}

/// What the masters say about the network, in the order in which they said it.
#[derive(Debug)]
pub enum NetworkUpdate {
    /// A whole state follows; it ends with `snapshot_complete`.
    Resync,
    /// One item of it, or a change.
    Change(Box<NetworkChange>),
}
