//! Before anything runs: who this master is, from its data directory, from a new cluster, or from a cluster that takes it in.
//!
//! Ports are opened first, because the others must be told them. `master.json` is written last, because with it the next start
//! takes everything for granted: what a crash before that has left is overwritten.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ipnetwork::IpNetwork;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::time::Instant;
use xebec_proto::endpoint::Endpoint;
use xebec_proto::join::{Applicant, JoinError, Joined, Joiner};
use xebec_proto::v1::Role;

use super::config::{Join, ServerConfig};
use super::error::ServerError;
use super::master_file::{MasterFile, Phase};
use super::networks;
use crate::pki::directory::MasterNames;
use crate::pki::{Pki, files};

const JOIN_TIMEOUT: Duration = Duration::from_secs(10);
/// The master to join may be starting at the same time.
const JOIN_PATIENCE: Duration = Duration::from_secs(60);
const JOIN_PAUSE: Duration = Duration::from_millis(500);
/// Ids stay exact in every JSON reader.
const ID_BITS: u32 = 48;

/// A master that knows who it is and holds its ports.
pub(super) struct Settled {
    pub(super) file: MasterFile,
    pub(super) pki: Arc<Pki>,
    pub(super) names: MasterNames,
    pub(super) api: TcpListener,
    pub(super) peers: TcpListener,
}

/// Settles who this master is.
pub(super) async fn settle(config: &ServerConfig) -> Result<Settled, ServerError> {
    files::create_directory(&config.data_dir)?;
    match (MasterFile::load(&config.data_dir)?, config.cluster_init, &config.join) {
        (Some(file), _, None) if file.phase == Phase::Removed => {
            Err(ServerError::Removed { path: config.data_dir.clone() })
        }
        (Some(file), _, Some(join)) if file.phase == Phase::Removed => {
            set_aside(&config.data_dir.join("store"))?;
            enter(config, join).await
        }
        (Some(file), ..) => resume(config, file).await,
        (None, true, Some(_)) => Err(ServerError::Ambiguous),
        (None, true, None) => found(config).await,
        (None, false, Some(join)) => enter(config, join).await,
        (None, false, None) => Err(ServerError::NoCluster { path: config.data_dir.clone() }),
    }
}

async fn resume(config: &ServerConfig, mut file: MasterFile) -> Result<Settled, ServerError> {
    let default = ServerConfig::default();
    let chosen = |given, default, recorded| if given == default { recorded } else { given };
    file.listen = chosen(config.listen, default.listen, file.listen);
    file.peer_listen = chosen(config.peer_listen, default.peer_listen, file.peer_listen);
    // Whether a store that is gone was made a member is not known, so its id is used up.
    if matches!(file.phase, Phase::Joining { .. }) && !config.data_dir.join("store/member.json").exists() {
        file.node_id = fresh_id();
        file.save(&config.data_dir)?;
    }
    let ports = Ports::open(file.listen, file.peer_listen).await?;
    let pki = Pki::load(&config.data_dir)?;
    let names = names(config, &file);
    pki.renew(&names, Timestamp::now())?;
    ports.settled(file, pki, names)
}

async fn found(config: &ServerConfig) -> Result<Settled, ServerError> {
    check(config)?;
    networks::check(&config.cluster_cidr, &config.service_cidr)?;
    let ports = Ports::open(config.listen, config.peer_listen).await?;
    let cluster = Cluster {
        id: uuid::Uuid::new_v4().to_string(),
        phase: Phase::Founding,
        cluster_cidr: config.cluster_cidr,
        service_cidr: config.service_cidr,
        supersedes: Vec::new(),
    };
    let file = ports.describe(config, cluster);
    let names = names(config, &file);
    let pki = Pki::create(&config.data_dir, &file.cluster_id, &names, Timestamp::now())?;
    file.save(&config.data_dir)?;
    ports.settled(file, pki, names)
}

async fn enter(config: &ServerConfig, to: &Join) -> Result<Settled, ServerError> {
    check(config)?;
    let ports = Ports::open(config.listen, config.peer_listen).await?;
    let joined = join_patiently(config, to).await?;
    let pki = Pki::adopt(&config.data_dir, &joined, Timestamp::now())?;
    let given = &joined.response;
    let cluster = Cluster {
        id: given.cluster_id.clone(),
        phase: Phase::Joining { masters: masters_to_ask(&to.server, &given.masters) },
        cluster_cidr: networks::parse("cluster CIDR", &given.cluster_cidr)?,
        service_cidr: networks::parse("service CIDR", &given.service_cidr)?,
        supersedes: given.supersedes.clone(),
    };
    let file = ports.describe(config, cluster);
    let names = names(config, &file);
    file.save(&config.data_dir)?;
    ports.settled(file, pki, names)
}

async fn join_patiently(config: &ServerConfig, to: &Join) -> Result<Joined, ServerError> {
    let applicant = Applicant { role: Role::Server, name: config.name.clone(), addresses: own_addresses(config) };
    let joiner = Joiner::new(&to.token, &applicant)?;
    let give_up = Instant::now() + JOIN_PATIENCE;
    loop {
        match joiner.join(&to.server, JOIN_TIMEOUT).await {
            Ok(joined) => return Ok(joined),
            Err(error) if is_worth_waiting(&error) && Instant::now() < give_up => {
                tracing::info!(server = %to.server, error = %report(&error), "cannot join yet");
                tokio::time::sleep(JOIN_PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A handshake that failed will fail again.
fn is_worth_waiting(error: &JoinError) -> bool {
    error.is_transient() && !matches!(error, JoinError::Dial(dial) if dial.tls().is_some())
}

fn report(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn masters_to_ask(dialled: &Endpoint, known: &[String]) -> Vec<String> {
    let dialled = dialled.to_string();
    let others = known.iter().filter(|address| **address != dialled).cloned();
    std::iter::once(dialled.clone()).chain(others).collect()
}

struct Cluster {
    id: String,
    phase: Phase,
    cluster_cidr: IpNetwork,
    service_cidr: IpNetwork,
    supersedes: Vec<String>,
}

struct Ports {
    api: TcpListener,
    peers: TcpListener,
    listen: SocketAddr,
    peer_listen: SocketAddr,
}

impl Ports {
    async fn open(listen: SocketAddr, peer_listen: SocketAddr) -> Result<Self, ServerError> {
        let (api, listen) = open(listen).await?;
        let (peers, peer_listen) = open(peer_listen).await?;
        Ok(Self { api, peers, listen, peer_listen })
    }

    fn describe(&self, config: &ServerConfig, cluster: Cluster) -> MasterFile {
        MasterFile {
            cluster_id: cluster.id,
            node_id: fresh_id(),
            name: config.name.clone(),
            phase: cluster.phase,
            listen: self.listen,
            peer_listen: self.peer_listen,
            advertise_address: config.advertise_address.clone(),
            cluster_cidr: cluster.cluster_cidr,
            service_cidr: cluster.service_cidr,
            supersedes: cluster.supersedes,
        }
    }

    fn settled(self, file: MasterFile, pki: Pki, names: MasterNames) -> Result<Settled, ServerError> {
        Ok(Settled { file, pki: Arc::new(pki), names, api: self.api, peers: self.peers })
    }
}

/// An id that nobody has had, in all likelihood. Each directory gets one of its own.
pub(super) fn fresh_id() -> u64 {
    (rand::random::<u64>() >> (u64::BITS - ID_BITS)).max(1)
}

/// Keeps a directory under another name, in place of what has that name.
pub(super) fn set_aside(directory: &Path) -> Result<(), ServerError> {
    let aside = directory.with_added_extension("old");
    let cannot = |source| ServerError::Move { path: directory.to_owned(), source };
    if !directory.exists() {
        return Ok(());
    }
    if aside.exists() {
        std::fs::remove_dir_all(&aside).map_err(cannot)?;
    }
    std::fs::rename(directory, &aside).map_err(cannot)
}

async fn open(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServerError> {
    let listen = |source| ServerError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    Ok((listener, bound))
}

pub(super) fn check(config: &ServerConfig) -> Result<(), ServerError> {
    if xebec_api::names::dns_subdomain(&config.name).is_err() {
        return Err(ServerError::Name { name: config.name.clone() });
    }
    let address = &config.advertise_address;
    let is_nowhere = address.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified() || ip.is_multicast());
    if is_nowhere || rustls::pki_types::ServerName::try_from(address.as_str()).is_err() {
        return Err(ServerError::Advertise { address: address.clone() });
    }
    Ok(())
}

/// What the serving certificate carries: this master's own names, and those that all masters answer to.
pub(super) fn names(config: &ServerConfig, file: &MasterFile) -> MasterNames {
    let mut own = own_addresses(config);
    own.push(file.advertise_address.clone());
    own.sort();
    own.dedup();
    let serving = own.iter().cloned().chain(networks::shared_names(&file.service_cidr)).collect();
    MasterNames { name: file.name.clone(), serving, peer: vec![file.advertise_address.clone()] }
}

fn own_addresses(config: &ServerConfig) -> Vec<String> {
    let mut own = vec![config.name.clone(), config.advertise_address.clone()];
    own.extend(config.extra_sans.iter().cloned());
    let listen = config.listen.ip();
    if !listen.is_unspecified() {
        own.push(listen.to_string());
    }
    own.sort();
    own.dedup();
    own
}

/// Joined: remembers it.
pub(super) fn remember(file: &mut MasterFile, phase: Phase, data_dir: &Path) -> Result<(), ServerError> {
    file.phase = phase;
    file.save(data_dir)
}
