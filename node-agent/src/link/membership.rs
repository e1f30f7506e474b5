//! Becoming a member of a cluster, and being one again after a restart.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnetwork::Ipv4Network;
use rustls::ClientConfig;
use xebec_node_plan::link::backoff;
use xebec_proto::endpoint::Endpoint;
use xebec_proto::join::{Applicant, JoinError, Joined, Joiner};
use xebec_proto::tls::{ClientIdentity, client_config};
use xebec_proto::token::JoinToken;
use xebec_proto::v1::Role;

use super::LinkError;
use super::pki::{Credentials, Pki, SavedCluster};

/// Connecting and asking take no longer than this each; then the next master is tried.
const JOIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How the agent finds its cluster.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// This node's name, unique in the cluster.
    pub node_name: String,
    /// Certificates are kept under it.
    pub data_dir: PathBuf,
    /// Addresses of masters. A member of a cluster needs none.
    pub servers: Vec<String>,
    /// The invitation. A member of a cluster needs none.
    pub token: Option<String>,
}

/// What the cluster told of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its id.
    pub cluster_id: String,
    /// All pods.
    pub cluster_cidr: Ipv4Network,
    /// All services.
    pub service_cidr: Ipv4Network,
}

/// A node's place in its cluster.
pub struct Membership {
    /// The cluster.
    pub cluster: Cluster,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) pki: Pki,
    pub(super) saved: SavedCluster,
    /// Where masters may be: as saved, and as configured.
    pub(super) masters: Vec<String>,
}

impl Membership {
    /// Loads the membership, or joins. A cluster that cannot be reached is tried until it can; one that refuses is an error.
    pub async fn establish(config: &LinkConfig) -> Result<Membership, LinkError> {
        let pki = Pki::new(&config.data_dir);
        let servers = read_servers(&config.servers)?;
        let (saved, credentials) = match pki.load()? {
            Some(member) => member,
            None => join_and_save(config, &servers, &pki).await?,
        };
        let tls = read_credentials(&credentials)
            .map_err(|source| LinkError::Certificates { path: pki.directory().to_owned(), source })?;
        let mut masters = saved.masters.clone();
        masters.extend(servers.iter().map(Endpoint::to_string));
        masters.sort();
        masters.dedup();
        Ok(Membership { cluster: read_cluster(&saved)?, tls, pki, saved, masters })
    }

    /// This node's name, which its certificate carries.
    pub fn node_name(&self) -> &str {
        &self.saved.node_name
    }
}

fn read_servers(servers: &[String]) -> Result<Vec<Endpoint>, LinkError> {
    servers.iter().map(|server| server.parse().map_err(LinkError::Server)).collect()
}

pub(super) fn read_credentials(credentials: &Credentials) -> Result<Arc<ClientConfig>, xebec_proto::tls::TlsError> {
    let identity = ClientIdentity::from_pem(&credentials.certificate, &credentials.key)?;
    client_config(&credentials.serving_ca, Some(identity))
}

fn read_cluster(saved: &SavedCluster) -> Result<Cluster, LinkError> {
    let network = |what: &'static str, value: &String| {
        value.parse::<Ipv4Network>().map_err(|_| LinkError::Cluster { what, value: value.clone() })
    };
    Ok(Cluster {
        cluster_id: saved.cluster_id.clone(),
        cluster_cidr: network("pod network", &saved.cluster_cidr)?,
        service_cidr: network("service network", &saved.service_cidr)?,
    })
}

async fn join_and_save(
    config: &LinkConfig,
    servers: &[Endpoint],
    pki: &Pki,
) -> Result<(SavedCluster, Credentials), LinkError> {
    let Some(token) = config.token.as_deref().filter(|_| !servers.is_empty()) else {
        return Err(LinkError::NotInvited);
    };
    let token: JoinToken = token.parse()?;
    let applicant = Applicant { role: Role::Agent, name: config.node_name.clone(), addresses: Vec::new() };
    let joined = join_somewhere(servers, &token, &applicant).await?;
    let saved = SavedCluster {
        node_name: config.node_name.clone(),
        cluster_id: joined.response.cluster_id.clone(),
        cluster_cidr: joined.response.cluster_cidr.clone(),
        service_cidr: joined.response.service_cidr.clone(),
        masters: joined.response.masters.clone(),
    };
    read_cluster(&saved)?;
    pki.save(&saved, &joined)?;
    tracing::info!(node = saved.node_name, cluster = saved.cluster_id, "this node has joined the cluster");
    let credentials = Credentials {
        certificate: joined.client.chain.into_bytes(),
        key: joined.client.key.into_bytes(),
        serving_ca: joined.response.serving_ca.into_bytes(),
    };
    Ok((saved, credentials))
}

/// Goes round the servers until one has decided.
async fn join_somewhere(servers: &[Endpoint], token: &JoinToken, applicant: &Applicant) -> Result<Joined, LinkError> {
    let joiner = Joiner::new(token, applicant).map_err(|error| LinkError::Join(Box::new(error)))?;
    let mut rounds = 0;
    loop {
        for server in servers {
            match joiner.join(server, JOIN_TIMEOUT).await {
                Ok(joined) => return Ok(joined),
                Err(error) if error.is_transient() => report(server, &error),
                Err(error) => return Err(LinkError::Join(Box::new(error))),
            }
        }
        rounds += 1;
        tokio::time::sleep(Duration::from_millis(backoff(rounds, rand::random()))).await;
    }
}

fn report(server: &Endpoint, error: &JoinError) {
    tracing::warn!(%server, error = error as &dyn std::error::Error, "cannot join yet; trying again");
}
