//! What a joiner is given, once its token is good: certificates in its own name; for masters the authorities too.
//!
//! Pure but for the making of certificates: who is in the cluster and what time it is are arguments.

use std::sync::Arc;

use jiff::Timestamp;
use xebec_proto::join;
use xebec_proto::v1::{JoinRequest, JoinResponse, Role};

use super::record::TokenRole;
use crate::pki::request::{self, RequestError};
use crate::pki::{Authority, Leaf, Pki, PkiError, Purpose};

/// A server is reached by a few names, not by hundreds.
const MAX_ADDRESSES: usize = 64;

/// What a joiner needs to know of the cluster, and of whom it is made now.
#[derive(Clone, Debug)]
pub struct ClusterFacts {
    /// The cluster's id.
    pub cluster_id: String,
    /// Pods' addresses.
    pub cluster_cidr: String,
    /// Services' addresses.
    pub service_cidr: String,
    /// `host:port` of every master's API.
    pub masters: Vec<String>,
    /// Names that every master's API answers to.
    pub shared_names: Vec<String>,
    /// The clusters that this one was made from.
    pub supersedes: Vec<String>,
    /// Whether the name is that of a node or master which is in the cluster already.
    pub name_taken: bool,
}

/// Why a joiner with a good token is refused.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// Not a name that a Node object could have.
    #[error("{name:?} cannot be the name of a {}: it must be a DNS name of lower-case letters, digits, `-` and `.`", word(*role))]
    Name {
        /// As it was given.
        name: String,
        /// What it is to name.
        role: TokenRole,
    },
    /// Somebody of this name is there.
    #[error(
        "the cluster has a {} named {name} already: choose another name, or remove that one first; \
         one that has joined before starts again from its data directory, without a token",
        word(*role)
    )]
    Taken {
        /// Whose.
        name: String,
        /// What it names.
        role: TokenRole,
    },
    /// Too many addresses, or none for a server.
    #[error("a server joins with 1 to {MAX_ADDRESSES} addresses")]
    Addresses,
    /// A signing request is not in order.
    #[error("the signing request for the {purpose} certificate is refused: {source}")]
    Request {
        /// `client`, `serving` or `peer`.
        purpose: &'static str,
        /// Why.
        source: RequestError,
    },
    /// No certificate could be made, or an address can be in none.
    #[error(transparent)]
    Pki(#[from] PkiError),
}

/// Hands out certificates.
#[derive(Clone)]
pub struct Admitter {
    pki: Arc<Pki>,
}

impl Admitter {
    /// By these authorities.
    pub fn new(pki: Arc<Pki>) -> Self {
        Self { pki }
    }

    /// Signs what a joiner of this role asks for.
    pub fn admit(
        &self,
        role: TokenRole,
        asked: &JoinRequest,
        facts: &ClusterFacts,
        now: Timestamp,
    ) -> Result<JoinResponse, AdmitError> {
        check_name(role, asked, facts)?;
        let signer = Signer { role, asked, now };
        let authorities = &self.pki.authorities;
        let client = signer.sign(&authorities.client, Purpose::Client, &asked.client_csr, Vec::new())?;
        let mut response = JoinResponse {
            cluster_id: facts.cluster_id.clone(),
            client_certificate: client,
            serving_ca: authorities.serving.pem().to_owned(),
            masters: facts.masters.clone(),
            cluster_cidr: facts.cluster_cidr.clone(),
            service_cidr: facts.service_cidr.clone(),
            ..JoinResponse::default()
        };
        if role == TokenRole::Server {
            self.add_server(&signer, facts, &mut response)?;
        }
        Ok(response)
    }

    fn add_server(
        &self,
        signer: &Signer<'_>,
        facts: &ClusterFacts,
        response: &mut JoinResponse,
    ) -> Result<(), AdmitError> {
        let own = &signer.asked.addresses;
        if own.is_empty() || own.len() > MAX_ADDRESSES {
            return Err(AdmitError::Addresses);
        }
        let authorities = &self.pki.authorities;
        let names = own.iter().chain(&facts.shared_names).cloned().collect();
        response.serving_certificate =
            signer.sign(&authorities.serving, Purpose::Serving, &signer.asked.serving_csr, names)?;
        response.peer_certificate =
            signer.sign(&authorities.peer, Purpose::Peer, &signer.asked.peer_csr, own.clone())?;
        response.client_ca = authorities.client.pem().to_owned();
        response.peer_ca = authorities.peer.pem().to_owned();
        response.serving_ca_key = authorities.serving.key_pem();
        response.client_ca_key = authorities.client.key_pem();
        response.peer_ca_key = authorities.peer.key_pem();
        response.front_proxy_ca = authorities.front_proxy.pem().to_owned();
        response.front_proxy_ca_key = authorities.front_proxy.key_pem();
        response.supersedes.clone_from(&facts.supersedes);
        response.service_account_key.clone_from(&self.pki.service_account_key);
        Ok(())
    }
}

struct Signer<'a> {
    role: TokenRole,
    asked: &'a JoinRequest,
    now: Timestamp,
}

impl Signer<'_> {
    fn sign(&self, by: &Authority, purpose: Purpose, csr: &[u8], addresses: Vec<String>) -> Result<String, AdmitError> {
        let (user, group) = identity(self.role, &self.asked.name);
        let key = request::public_key(csr, &user, group)
            .map_err(|source| AdmitError::Request { purpose: purpose_word(purpose), source })?;
        let leaf = Leaf { common_name: user, organization: Some(group.to_owned()), addresses, purpose };
        Ok(by.sign(&leaf, &key, self.now)?)
    }
}

fn identity(role: TokenRole, name: &str) -> (String, &'static str) {
    let role: Role = role.to_wire();
    (join::user_name(role, name), join::group(role))
}

fn check_name(role: TokenRole, asked: &JoinRequest, facts: &ClusterFacts) -> Result<(), AdmitError> {
    let name = asked.name.clone();
    if xebec_api::names::dns_subdomain(&name).is_err() {
        return Err(AdmitError::Name { name, role });
    }
    if facts.name_taken { Err(AdmitError::Taken { name, role }) } else { Ok(()) }
}

fn word(role: TokenRole) -> &'static str {
    match role {
        TokenRole::Server => "master",
        TokenRole::Agent => "node",
    }
}

fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Client => "client",
        Purpose::Serving => "serving",
        Purpose::Peer => "peer",
        Purpose::FrontProxy => "front proxy",
    }
}

#[cfg(test)]
#[path = "admit_tests.rs"]
mod tests;
