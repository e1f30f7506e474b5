//! What every pod's task shares: the runtime, the network, where things lie, and the way to the masters.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use tokio::sync::Semaphore;
use xebec_node_plan::hosts::ClusterDns;
use xebec_node_plan::moment::Moment;
use xebec_node_plan::resources::NodeSize;

use crate::cgroups::Cgroups;
use crate::config::{AgentConfig, Layout};
use crate::containerd::Runtime;
use crate::link::{TokenIssuer, Uplink};
use crate::logs::LogStore;
use crate::network::PodNetwork;

/// Containers that start at the same time. On two cores, more than four lower the number started per second and make every
/// start, and the network of running pods, slower.
const STARTS: usize = 4;

/// The node that pods run on.
pub struct Node {
    /// As it was configured.
    pub config: AgentConfig,
    /// Where things lie.
    pub layout: Layout,
    /// Runs containers.
    pub runtime: Arc<dyn Runtime>,
    /// Gives addresses.
    pub network: Arc<dyn PodNetwork>,
    /// Tells the masters.
    pub uplink: Uplink,
    /// Gives pods their tokens.
    pub tokens: Arc<dyn TokenIssuer>,
    /// Keeps logs.
    pub logs: LogStore,
    /// Measures and removes cgroups.
    pub cgroups: Cgroups,
    /// Bounds the containers that start at the same time.
    pub starts: Semaphore,
    /// What the node has.
    pub size: NodeSize,
}

impl Node {
    /// Puts together what pods share.
    pub fn new(
        config: AgentConfig,
        runtime: Arc<dyn Runtime>,
        network: Arc<dyn PodNetwork>,
        uplink: Uplink,
        tokens: Arc<dyn TokenIssuer>,
    ) -> Node {
        let layout = Layout::new(&config.data_dir);
        Node {
            logs: LogStore::new(layout.logs()),
            cgroups: Cgroups::new(&config.root_cgroup),
            starts: Semaphore::new(STARTS),
            size: crate::facts::node_size(),
            layout,
            config,
            runtime,
            network,
            uplink,
            tokens,
        }
    }

    /// Where pods resolve names.
    pub fn cluster_dns(&self) -> ClusterDns {
        ClusterDns { server: self.config.cluster_dns, domain: self.config.cluster_domain.clone() }
    }

    /// Tells people that something went as it should.
    pub fn normal(&self, pod: &Pod, reason: &str, message: &str) {
        self.uplink.event(&reference(pod), "Normal", reason, message);
    }

    /// Tells people that something went wrong.
    pub fn warning(&self, pod: &Pod, reason: &str, message: &str) {
        self.uplink.event(&reference(pod), "Warning", reason, message);
    }
}

/// The present moment.
pub fn now() -> Moment {
    Moment::from(Timestamp::now())
}

fn reference(pod: &Pod) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        name: pod.metadata.name.clone(),
        namespace: pod.metadata.namespace.clone(),
        uid: pod.metadata.uid.clone(),
        ..ObjectReference::default()
    }
}
