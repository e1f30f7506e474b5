//! The settings of `server`, `agent` and `dev`.
//!
//! Each is an option here, because the same struct is read from flags, from the environment and from the `--config` file;
//! `settings::resolve` lays them over each other, and the daemon puts the default where none of them spoke. In the file the
//! names are those of the flags without the dashes before them: `data-dir: /srv/xebec`.

use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::Span;

/// Of `server`.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct ServerArguments {
    /// YAML file with any of these settings; flags and environment win over it
    #[arg(long, env = "XEBEC_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// Unique among the masters [default: the host's name]
    #[arg(long, env = "XEBEC_NAME")]
    pub(crate) name: Option<String>,
    /// Certificates, keys and state [default: /var/lib/xebec/server]
    #[arg(long, env = "XEBEC_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where the API is served [default: 0.0.0.0:6443]
    #[arg(long, env = "XEBEC_LISTEN", value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// Where Raft is served to the other masters [default: 0.0.0.0:6444]
    #[arg(long, env = "XEBEC_PEER_LISTEN", value_name = "ADDRESS:PORT")]
    pub(crate) peer_listen: Option<String>,
    /// Where others reach this master: an IP address or DNS name [default: the address of the default route]
    #[arg(long, env = "XEBEC_ADVERTISE_ADDRESS", value_name = "ADDRESS")]
    pub(crate) advertise_address: Option<String>,
    /// Make a new cluster, unless the data directory holds one
    #[arg(long, env = "XEBEC_CLUSTER_INIT", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) cluster_init: Option<bool>,
    /// A master of the cluster to join, unless the data directory holds one
    #[arg(long, env = "XEBEC_SERVER", value_name = "https://HOST:6443")]
    pub(crate) server: Option<String>,
    /// Join token with role server
    #[arg(long, env = "XEBEC_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// File that holds the join token; keeps it out of the process list
    #[arg(long, env = "XEBEC_TOKEN_FILE", value_name = "FILE", conflicts_with = "token")]
    pub(crate) token_file: Option<PathBuf>,
    /// Addresses of pods; each node gets a /24 of it [default: 10.42.0.0/16]
    #[arg(long, env = "XEBEC_CLUSTER_CIDR", value_name = "CIDR")]
    pub(crate) cluster_cidr: Option<String>,
    /// Addresses of services [default: 10.43.0.0/16]
    #[arg(long, env = "XEBEC_SERVICE_CIDR", value_name = "CIDR")]
    pub(crate) service_cidr: Option<String>,
    /// More names and addresses for the serving certificate
    #[arg(long = "tls-san", env = "XEBEC_TLS_SAN", value_name = "NAME", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tls_san: Vec<String>,
    /// How long a node may be silent before it counts as lost [default: 4s]
    #[arg(long, env = "XEBEC_NODE_MONITOR_GRACE", value_name = "TIME")]
    pub(crate) node_monitor_grace: Option<Span>,
    /// How long pods stay on a lost node before they are replaced [default: 10s]
    #[arg(long, env = "XEBEC_UNREACHABLE_TOLERATION", value_name = "TIME")]
    pub(crate) unreachable_toleration: Option<Span>,
    /// Where requests are recorded, one JSON line each; `none`: nowhere [default: audit/audit.log in the data directory]
    #[arg(long, env = "XEBEC_AUDIT_LOG_PATH", value_name = "FILE")]
    pub(crate) audit_log_path: Option<PathBuf>,
    /// Megabytes of records after which a new file is begun [default: 100]
    #[arg(long, env = "XEBEC_AUDIT_LOG_MAXSIZE", value_name = "MB")]
    pub(crate) audit_log_maxsize: Option<u64>,
    /// Files of records that are kept beside the newest [default: 10]
    #[arg(long, env = "XEBEC_AUDIT_LOG_MAXBACKUP", value_name = "COUNT")]
    pub(crate) audit_log_maxbackup: Option<usize>,
    /// Days for which they are kept [default: 30]
    #[arg(long, env = "XEBEC_AUDIT_LOG_MAXAGE", value_name = "DAYS")]
    pub(crate) audit_log_maxage: Option<u32>,
    /// Where the admin kubeconfig is copied to when a cluster is made [default: only in the data directory]
    #[arg(long, env = "XEBEC_WRITE_KUBECONFIG", value_name = "FILE")]
    pub(crate) write_kubeconfig: Option<PathBuf>,
}

/// Of `agent`.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct AgentArguments {
    /// YAML file with any of these settings; flags and environment win over it
    #[arg(long, env = "XEBEC_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// The node's name [default: the host's name]
    #[arg(long, env = "XEBEC_NODE_NAME", value_name = "NAME")]
    pub(crate) node_name: Option<String>,
    /// Certificates, images, pods [default: /var/lib/xebec/agent]
    #[arg(long, env = "XEBEC_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A master; give several for a join that survives one of them. Later the agent knows them all
    #[arg(long, env = "XEBEC_SERVER", value_name = "https://HOST:6443", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) server: Vec<String>,
    /// Join token with role agent
    #[arg(long, env = "XEBEC_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// File that holds the join token; keeps it out of the process list
    #[arg(long, env = "XEBEC_TOKEN_FILE", value_name = "FILE", conflicts_with = "token")]
    pub(crate) token_file: Option<PathBuf>,
    /// The node's own address [default: the address of the default route]
    #[arg(long, env = "XEBEC_NODE_ADDRESS", value_name = "IP")]
    pub(crate) node_address: Option<String>,
    /// Socket of a containerd that runs already [default: start one and look after it]
    #[arg(long, env = "XEBEC_CONTAINERD_ADDRESS", value_name = "SOCKET")]
    pub(crate) containerd_address: Option<PathBuf>,
    /// The containerd program to start [default: containerd]
    #[arg(long, env = "XEBEC_CONTAINERD_BINARY", value_name = "FILE")]
    pub(crate) containerd_binary: Option<PathBuf>,
    /// The OCI runtime that starts containers [default: runc]
    #[arg(long, env = "XEBEC_RUNTIME", value_name = "FILE")]
    pub(crate) runtime: Option<PathBuf>,
    /// The cgroup that all pods are below [default: xebec]
    #[arg(long, env = "XEBEC_ROOT_CGROUP", value_name = "PATH")]
    pub(crate) root_cgroup: Option<String>,
    /// Label of the node: key=value
    #[arg(long = "node-label", env = "XEBEC_NODE_LABEL", value_name = "LABEL", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) node_label: Vec<String>,
    /// Taint of the node when it first joins: key=value:Effect
    #[arg(long = "node-taint", env = "XEBEC_NODE_TAINT", value_name = "TAINT", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) node_taint: Vec<String>,
    /// Most pods at a time [default: 250]
    #[arg(long, env = "XEBEC_MAX_PODS", value_name = "COUNT")]
    pub(crate) max_pods: Option<u32>,
}

/// Of `dev`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DevArguments {
    /// Everything it keeps; what is there is used again
    #[arg(long, env = "XEBEC_DATA_DIR", value_name = "DIR", default_value = "/var/lib/xebec/dev")]
    pub(crate) data_dir: PathBuf,
    /// Where the API is served
    #[arg(long, env = "XEBEC_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:6443")]
    pub(crate) listen: String,
    /// The node's own address; pods and the API use it [default: the address of the default route]
    #[arg(long, env = "XEBEC_NODE_ADDRESS", value_name = "IP")]
    pub(crate) node_address: Option<String>,
}
