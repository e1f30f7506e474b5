//! Whom a bearer token stands for: a ServiceAccount, or a machine that is being bootstrapped.

use std::sync::Arc;

use jiff::Timestamp;
use xebec_api::kinds::SECRET;

use super::bootstrap_token::{self, BootstrapToken};
use super::jwt;
use super::service_account::verify::Refusal;
use super::service_account::{ISSUER, ServiceAccountTokens, TokenHolder};
use crate::cache::Cache;

/// Verifies bearer tokens.
pub struct BearerTokens {
    accounts: ServiceAccountTokens,
    cache: Arc<Cache>,
}

/// Why a bearer token is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BearerRefusal {
    /// A ServiceAccount's, and not good.
    #[error(transparent)]
    ServiceAccount(#[from] Refusal),
    /// A bootstrap token's Secret is not there, is over, or has another secret.
    #[error("the bootstrap token is not known, or may not be used to authenticate")]
    Bootstrap,
    /// A bootstrap token is for the API alone.
    #[error("bootstrap tokens are for the API alone")]
    Audience,
    /// Neither.
    #[error("the bearer token has no form that is known here")]
    Form,
}

impl BearerRefusal {
    /// Whether a master that is behind may have come to this.
    pub fn may_be_too_early(&self) -> bool {
        matches!(self, Self::ServiceAccount(Refusal::Gone { .. }))
    }
}

impl BearerTokens {
    /// By these and the Secrets in `cache`.
    pub fn new(accounts: ServiceAccountTokens, cache: Arc<Cache>) -> Self {
        Self { accounts, cache }
    }

    /// The ServiceAccounts' share.
    pub fn accounts(&self) -> &ServiceAccountTokens {
        &self.accounts
    }

    /// Whose token this is. `audiences` are those that the asker goes by; none: the API's own.
    pub fn holder(&self, token: &str, audiences: &[String], now: Timestamp) -> Result<TokenHolder, BearerRefusal> {
        if jwt::looks_like_one(token) {
            return Ok(self.accounts.verify(token, audiences, now)?);
        }
        let token = BootstrapToken::parse(token).ok_or(BearerRefusal::Form)?;
        if !audiences.is_empty() && !audiences.iter().any(|audience| audience == ISSUER) {
            return Err(BearerRefusal::Audience);
        }
        let stored = self.cache.get(&SECRET, Some(bootstrap_token::NAMESPACE), &token.secret_name());
        let secret = stored.and_then(|stored| stored.object.decode().ok());
        let user = secret.and_then(|secret| token.holder(&secret, now)).ok_or(BearerRefusal::Bootstrap)?;
        Ok(TokenHolder { user, audiences: vec![ISSUER.to_owned()] })
    }
}
