//! The steps of a pod's life, one a file. Each does what the plan asked for, may be repeated, and tells what happened.

pub mod adopt;
pub mod exit;
pub mod probe;
pub mod release;
pub mod sandbox;
pub mod start;
pub mod stop;
pub mod volumes;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use xebec_node_plan::field::Surroundings;
use xebec_node_plan::pod::action::Desired;

use crate::node::Node;

/// A pod on its node: what every step is given.
#[derive(Clone)]
pub struct PodContext {
    /// The node.
    pub node: Arc<Node>,
    /// What is wanted.
    pub desired: Arc<Desired>,
    /// The pod's address, once it has one.
    pub address: Option<IpAddr>,
}

impl PodContext {
    /// The pod's uid.
    pub fn uid(&self) -> &str {
        self.desired.pod.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The pod's namespace.
    pub fn namespace(&self) -> &str {
        self.desired.pod.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// The pod's name.
    pub fn name(&self) -> &str {
        self.desired.pod.metadata.name.as_deref().unwrap_or_default()
    }

    /// Where the pod's things lie.
    pub fn directory(&self) -> PathBuf {
        self.node.layout.pod(self.uid())
    }

    /// Where its volumes lie.
    pub fn volumes(&self) -> PathBuf {
        self.directory().join("volumes")
    }

    /// Where its namespaces are pinned.
    pub fn namespaces(&self) -> PathBuf {
        self.directory().join("ns")
    }

    /// Where a file lies that containers see as theirs, such as `hosts`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory().join("etc").join(name)
    }

    /// Whether the pod shares the node's network.
    pub fn host_network(&self) -> bool {
        self.desired.spec().host_network == Some(true)
    }

    /// What its containers may be told.
    pub fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            pod: &self.desired.pod,
            address: self.address,
            host: self.node.config.node_address,
            node_name: &self.node.config.node_name,
            node: self.node.size,
        }
    }
}
