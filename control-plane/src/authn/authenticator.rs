//! Finds out on whose behalf a request comes: by certificate, else by token; then as whom the caller wants to act.
//!
//! All of it is looked at for every request, not once for a connection: a credential that is taken away, or an account or node
//! that is deleted, is over with the next request. What is asked is in memory. Only if something is missing that a genuine
//! credential names does the master make sure that it is not merely behind the others.

use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap};
use tokio::time::Instant;
use xebec_api::Status;

use super::User;
use super::bearer::{BearerRefusal, BearerTokens};
use super::certificate::ClientCertificate;
use super::credentials::{self, Standing};
use super::impersonation::Wanted;
use crate::authz::Authorizer;
use crate::cache::Cache;
use crate::registry::{Backend, Environment};

/// How long a master that may be behind tries to catch up before it refuses somebody.
const CATCH_UP: Duration = Duration::from_secs(2);

/// What callers are held against.
pub struct Authenticator {
    /// Where credentials are kept.
    pub store: Arc<dyn Backend>,
    /// Where accounts and Secrets are read.
    pub cache: Arc<Cache>,
    /// Verifies tokens.
    pub tokens: Arc<BearerTokens>,
    /// Says who may act as whom.
    pub authorizer: Arc<dyn Authorizer>,
    /// The clock.
    pub environment: Arc<dyn Environment>,
}

/// Who is really asking, where a request acts as somebody else.
#[derive(Clone, Debug)]
pub struct Impersonator(pub Arc<User>);

impl Authenticator {
    /// Puts the caller (`Arc<User>`, and the [`Impersonator`] behind it) among a request's extensions. A caller who shows
    /// nothing is nobody; one who shows something bad is refused.
    pub async fn introduce(&self, extensions: &mut Extensions, headers: &HeaderMap) -> Result<(), Status> {
        let certificate = extensions.get::<Arc<ClientCertificate>>().cloned();
        let caller = match (certificate, bearer(headers)) {
            (Some(certificate), _) => Some(self.by_certificate(&certificate).await?),
            (None, Some(token)) => Some(self.by_token(token).await?),
            (None, None) => None,
        };
        let Some(caller) = caller else { return Ok(()) };
        // Also of a request that is refused below it is known whose it was.
        extensions.insert(caller.clone());
        if let Some(wanted) = Wanted::read(headers)? {
            let user = wanted.grant(&caller, self.authorizer.as_ref())?;
            extensions.insert(Arc::new(user));
            extensions.insert(Impersonator(caller));
        }
        Ok(())
    }

    async fn by_certificate(&self, certificate: &ClientCertificate) -> Result<Arc<User>, Status> {
        let refuse = |why: &str| {
            tracing::warn!(user = certificate.user.name, why, "a client certificate is refused");
            Err(Status::unauthorized())
        };
        if self.environment.now() >= certificate.not_after {
            return refuse("it has expired");
        }
        let mut standing = credentials::standing(&self.store.state(), certificate);
        if standing == Standing::Unknown {
            self.catch_up().await?;
            standing = credentials::standing(&self.store.state(), certificate);
        }
        match standing {
            Standing::Good => Ok(certificate.user.clone()),
            Standing::Unknown => refuse("the node has been deleted, or has joined anew with another key"),
        }
    }

    async fn by_token(&self, token: &str) -> Result<Arc<User>, Status> {
        let holder = || self.tokens.holder(token, &[], self.environment.now());
        let found = match holder() {
            Err(refusal) if refusal.may_be_too_early() => {
                self.catch_up().await?;
                holder()
            }
            other => other,
        };
        found.map(|holder| Arc::new(holder.user)).map_err(|refusal: BearerRefusal| {
            tracing::debug!(%refusal, "a bearer token is refused");
            Status::unauthorized()
        })
    }

    /// Waits until this master has everything that any master has acknowledged.
    async fn catch_up(&self) -> Result<(), Status> {
        let deadline = Instant::now() + CATCH_UP;
        let unsure =
            || Status::service_unavailable("this master cannot tell whether the credential is good: try another");
        let revision = self.store.read_barrier(deadline).await.map_err(|_| unsure())?;
        if self.cache.wait_revision(revision, deadline).await { Ok(()) } else { Err(unsure()) }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()).filter(|token| !token.is_empty())
}
