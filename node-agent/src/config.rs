//! How an agent is configured.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// Everything an agent is told; the rest it finds out.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// The node's name: a DNS label, and the name in its certificate.
    pub node_name: String,
    /// Where everything of this node is kept.
    pub data_dir: PathBuf,
    /// `host:port` or `https://host:port` of masters; one is enough, the others are learnt.
    pub servers: Vec<String>,
    /// Needed to join; not after that.
    pub token: Option<String>,
    /// The node's address, by which other nodes reach it.
    pub node_address: IpAddr,
    /// A containerd that somebody else runs; absent: the agent runs its own under `data_dir`.
    pub containerd_address: Option<PathBuf>,
    /// The containerd to run.
    pub containerd_binary: PathBuf,
    /// The OCI runtime: `runc` or `crun`, or a path.
    pub runtime: PathBuf,
    /// The cgroup under which pods get theirs, such as `xebec`. Nodes that share a machine need different ones.
    pub root_cgroup: String,
    /// Labels of the Node object.
    pub labels: BTreeMap<String, String>,
    /// Taints of the Node object, as `key=value:Effect`.
    pub taints: Vec<String>,
    /// No more pods than this run here.
    pub max_pods: u32,
    /// The cluster's name server for pods; absent: pods use the node's.
    pub cluster_dns: Option<IpAddr>,
    /// The domain of services' names.
    pub cluster_domain: String,
}

impl Default for AgentConfig {
    fn default() -> AgentConfig {
        AgentConfig {
            node_name: String::new(),
            data_dir: PathBuf::from("/var/lib/xebec/agent"),
            servers: Vec::new(),
            token: None,
            node_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            containerd_address: None,
            containerd_binary: PathBuf::from("containerd"),
            runtime: PathBuf::from("runc"),
            root_cgroup: "xebec".to_owned(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
            max_pods: 250,
            cluster_dns: None,
            cluster_domain: "cluster.local".to_owned(),
        }
    }
}

/// Where things lie under the data directory.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout under `data_dir`.
    pub fn new(data_dir: &Path) -> Layout {
        Layout { root: data_dir.to_owned() }
    }

    /// Image archives that are imported when they appear.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// Our own containerd: configuration, root, state, socket, log.
    pub fn containerd(&self) -> PathBuf {
        self.root.join("containerd")
    }

    /// One directory a pod.
    pub fn pods(&self) -> PathBuf {
        self.root.join("pods")
    }

    /// Everything kept of one pod but its logs.
    pub fn pod(&self, uid: &str) -> PathBuf {
        self.pods().join(uid)
    }

    /// Logs of containers, one directory a pod.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// FIFOs of commands run in containers.
    pub fn exec(&self) -> PathBuf {
        self.root.join("exec")
    }

    /// Where the OCI runtime keeps its state. Short and on the root of the data directory, for sockets live below it.
    pub fn runtime_root(&self) -> PathBuf {
        self.root.join("runtime")
    }
}
