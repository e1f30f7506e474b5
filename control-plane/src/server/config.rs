//! What a master is told at its start. Everything has a default except its name, data directory and address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnetwork::IpNetwork;
use xebec_proto::endpoint::{API_PORT, Endpoint};
use xebec_proto::token::JoinToken;

use crate::audit::AuditConfig;

/// The port of the Raft peers.
pub const PEER_PORT: u16 = 6444;

/// A running cluster to join, and the invitation.
#[derive(Clone, Debug)]
pub struct Join {
    /// Any master.
    pub server: Endpoint,
    /// With role `server`.
    pub token: JoinToken,
}

/// How a master is to run. A master that was started before takes cluster, name and addresses from its data directory, so only
/// `data_dir` and the listeners matter then.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Unique among the masters; a DNS label.
    pub name: String,
    /// Certificates, keys, log, checkpoint. Created with mode 0700.
    pub data_dir: PathBuf,
    /// Where gRPC and REST are served. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the other masters' Raft is served. Port 0 takes a free one.
    pub peer_listen: SocketAddr,
    /// Where the others reach this master: IP address or DNS name, without port.
    pub advertise_address: String,
    /// Start a new cluster when the data directory holds none.
    pub cluster_init: bool,
    /// Join this cluster when the data directory holds none.
    pub join: Option<Join>,
    /// Pods' addresses; each node gets a /24. Taken from the cluster when joining.
    pub cluster_cidr: IpNetwork,
    /// Services' addresses. Taken from the cluster when joining.
    pub service_cidr: IpNetwork,
    /// More names and addresses for the serving certificate.
    pub extra_sans: Vec<String>,
    /// How long a node may be silent before it is NotReady.
    pub node_monitor_grace: Duration,
    /// How long pods stay on a node that is not reachable.
    pub unreachable_toleration: Duration,
    /// Requests at once, long-running ones apart; above it callers are told to come back (429).
    pub max_requests: usize,
    /// Watches, logs, exec and node sessions at once; above it 429.
    pub max_streams: usize,
    /// TCP connections at once; above it new ones are closed.
    pub max_connections: usize,
    /// Where requests are recorded, and how much of that is kept.
    pub audit: AuditConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let any = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        Self {
            name: "master".to_owned(),
            data_dir: PathBuf::from("/var/lib/xebec"),
            listen: any(API_PORT),
            peer_listen: any(PEER_PORT),
            advertise_address: "127.0.0.1".to_owned(),
            cluster_init: false,
            join: None,
            cluster_cidr: network([10, 42, 0, 0], 16),
            service_cidr: network([10, 43, 0, 0], 16),
            extra_sans: Vec::new(),
            node_monitor_grace: Duration::from_secs(4),
            unreachable_toleration: Duration::from_secs(10),
            max_requests: 400,
            max_streams: 20_000,
            max_connections: 8_192,
            audit: AuditConfig::default(),
        }
    }
}

fn network(address: [u8; 4], prefix: u8) -> IpNetwork {
    IpNetwork::new(IpAddr::from(address), prefix).expect("a constant prefix of at most 32 bits")
}
