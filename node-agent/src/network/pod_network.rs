//! What the pods' part of the agent needs of the network.

use std::net::IpAddr;
use std::path::Path;

use async_trait::async_trait;
use tokio::sync::watch;

use super::NetworkError;

/// Gives pods their addresses. All calls are idempotent.
#[async_trait]
pub trait PodNetwork: Send + Sync {
    /// Connects the pod whose network namespace is pinned at `netns`, and returns its address. A pod that has an
    /// address keeps it. Fails with [`NetworkError::NotReady`] until [`PodNetwork::ready`] is true.
    async fn attach(&self, pod_uid: &str, netns: &Path) -> Result<IpAddr, NetworkError>;

    /// Takes the pod off the network and frees its address. An unknown pod is none.
    async fn detach(&self, pod_uid: &str) -> Result<(), NetworkError>;

    /// Whether this node has a pod subnet, its devices and its service rules.
    fn ready(&self) -> watch::Receiver<bool>;

    /// After a restart: exactly these pods live and have these addresses; what else is left over is removed.
    async fn adopt(&self, live: &[(String, IpAddr)]) -> Result<(), NetworkError>;

    /// The variables that tell a pod of `namespace` where services are (`WEB_SERVICE_HOST`, ...).
    fn service_env(&self, namespace: &str) -> Vec<(String, String)>;
}
