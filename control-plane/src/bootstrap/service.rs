//! The gRPC service that somebody without a certificate may call.
//!
//! With a token it admits new masters and nodes. Without one it renews: a node that shows its valid certificate gets a new one in
//! the same name, as long as its Node object exists and the name is bound to the key that it shows.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tonic::{Request, Response, Status};
use xebec_proto::v1::bootstrap_server::Bootstrap;
use xebec_proto::v1::{JoinRequest, JoinResponse};

use super::admit::{AdmitError, Admitter, ClusterFacts};
use super::limiter::FailureLimiter;
use super::names::{Names, NamesError};
use super::record::TokenRole;
use super::tokens::{Tokens, TokensError};
use crate::authn::User;
use crate::authn::certificate::{ClientCertificate, KeyHash};

const DEADLINE: Duration = Duration::from_secs(5);

/// Where a request came from; the listener hangs it on each.
#[derive(Clone, Copy, Debug)]
pub struct RemoteAddress(pub SocketAddr);

/// Tells what a joiner needs to know; implemented by the assembled master.
pub trait Facts: Send + Sync {
    /// As of now, for somebody who wants to join under this name.
    fn facts(&self, role: TokenRole, name: &str) -> ClusterFacts;
}

/// Bootstrap.Join.
pub struct BootstrapService {
    tokens: Tokens,
    names: Names,
    admitter: Admitter,
    facts: Arc<dyn Facts>,
    limiter: FailureLimiter,
}

impl BootstrapService {
    /// Admits with these tokens and authorities.
    pub fn new(tokens: Tokens, names: Names, admitter: Admitter, facts: Arc<dyn Facts>) -> Self {
        Self { tokens, names, admitter, facts, limiter: FailureLimiter::default() }
    }

    async fn admit(&self, from: IpAddr, asked: &JoinRequest) -> Result<JoinResponse, Status> {
        if !self.limiter.allows(from, Instant::now()) {
            return Err(Status::resource_exhausted(
                "too many failed attempts to join from this address: wait a minute",
            ));
        }
        let role = wanted_role(asked)?;
        let checked = self.tokens.check(&asked.token_id, &asked.token_secret, role, Instant::now() + DEADLINE).await;
        if let Err(TokensError::Refused(refusal)) = &checked {
            self.limiter.failed(from, Instant::now());
            tracing::warn!(%from, name = asked.name, %refusal, "a joiner was refused");
        }
        checked.map_err(token_status)?;
        let given = self.sign(role, asked, self.facts.facts(role, &asked.name))?;
        let deadline = Instant::now() + DEADLINE;
        let key = key_of(&given)?;
        let claimed = self.names.claim(role.to_wire(), &asked.name, &key, Timestamp::now(), deadline).await;
        claimed.map_err(names_status)?;
        tracing::info!(%from, name = asked.name, ?role, "joined");
        Ok(given)
    }

    async fn renew(&self, shown: &ClientCertificate, asked: &JoinRequest) -> Result<JoinResponse, Status> {
        let own = shown.user.node_name().is_some_and(|name| name == asked.name);
        if !own || wanted_role(asked)? != TokenRole::Agent {
            return Err(Status::permission_denied(
                "without a token a node may renew its own certificate and nothing else",
            ));
        }
        let facts = self.facts.facts(TokenRole::Agent, &asked.name);
        let given = self.sign(TokenRole::Agent, asked, ClusterFacts { name_taken: false, ..facts })?;
        let renewed = self.names.renew(&asked.name, &shown.key, &key_of(&given)?, Instant::now() + DEADLINE).await;
        renewed.map_err(names_status)?;
        Ok(given)
    }

    fn sign(&self, role: TokenRole, asked: &JoinRequest, facts: ClusterFacts) -> Result<JoinResponse, Status> {
        self.admitter.admit(role, asked, &facts, Timestamp::now()).map_err(admit_status)
    }
}

#[tonic::async_trait]
impl Bootstrap for BootstrapService {
    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        let certificate = request.extensions().get::<Arc<ClientCertificate>>().cloned();
        let is_somebody = request.extensions().get::<Arc<User>>().is_some();
        let RemoteAddress(from) = *request
            .extensions()
            .get::<RemoteAddress>()
            .ok_or_else(|| Status::internal("the listener has not said where the request came from"))?;
        let asked = request.into_inner();
        match certificate {
            Some(certificate) if is_somebody && asked.token_id.is_empty() => self.renew(&certificate, &asked).await,
            _ => self.admit(from.ip(), &asked).await,
        }
        .map(Response::new)
    }
}

fn wanted_role(asked: &JoinRequest) -> Result<TokenRole, Status> {
    TokenRole::from_wire(asked.role()).ok_or_else(|| Status::invalid_argument("role must be server or agent"))
}

/// The key of the certificate that was signed.
fn key_of(given: &JoinResponse) -> Result<KeyHash, Status> {
    let unreadable = |error: &dyn std::error::Error| Status::internal(error.to_string());
    let chain = xebec_proto::tls::certificates(given.client_certificate.as_bytes()).map_err(|e| unreadable(&e))?;
    let leaf = chain.first().ok_or_else(|| Status::internal("no certificate was signed"))?;
    Ok(ClientCertificate::read(leaf).map_err(|error| unreadable(&error))?.key)
}

fn names_status(error: NamesError) -> Status {
    match error {
        NamesError::Taken { .. } => Status::already_exists(error.to_string()),
        NamesError::NotBound => Status::permission_denied(error.to_string()),
        NamesError::Store(source) => crate::cluster::store_status(source),
    }
}

fn token_status(error: TokensError) -> Status {
    match error {
        TokensError::Refused(refusal) => Status::unauthenticated(refusal.to_string()),
        TokensError::TooMany => Status::resource_exhausted(error.to_string()),
        TokensError::Store { source, .. } => crate::cluster::store_status(source),
        TokensError::Record { .. } => Status::internal(error.to_string()),
    }
}

fn admit_status(error: AdmitError) -> Status {
    let message = error.to_string();
    match error {
        AdmitError::Name { .. } | AdmitError::Addresses | AdmitError::Request { .. } => {
            Status::invalid_argument(message)
        }
        AdmitError::Pki(crate::pki::PkiError::Name { .. }) => Status::invalid_argument(message),
        AdmitError::Taken { .. } => Status::already_exists(message),
        AdmitError::Pki(_) => Status::internal(message),
    }
}
