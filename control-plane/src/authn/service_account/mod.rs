//! Tokens of ServiceAccounts: what they say ([`claims`]), how one is asked for ([`request`]), and who the holder of one is
//! ([`verify`]).
//!
//! A token is good for an hour or so, for some audiences, and for as long as the account and the object that it is bound to
//! exist with the uids that it names. So deleting a pod ends its tokens, though nobody keeps a list of them.

pub mod claims;
pub mod request;
pub mod verify;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::User;
use super::jwt::{KeyError, TokenKey};
use crate::cache::Cache;
use claims::Claims;
use verify::{Refusal, World};

/// Who issues tokens, and the audience of those that name none.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// Makes and verifies the tokens of this cluster's ServiceAccounts.
pub struct ServiceAccountTokens {
    key: TokenKey,
    cache: Arc<Cache>,
}

/// Whom a token stands for, and before whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHolder {
    /// The account.
    pub user: User,
    /// The audiences that both the token and the one who asks know.
    pub audiences: Vec<String>,
}

impl ServiceAccountTokens {
    /// By the masters' common key (PKCS#8 in PEM), about the accounts in `cache`.
    pub fn new(key_pem: &str, cache: Arc<Cache>) -> Result<Self, KeyError> {
        Ok(Self { key: TokenKey::from_pem(key_pem)?, cache })
    }

    /// A token that says this.
    pub fn sign(&self, claims: &Claims) -> Result<String, KeyError> {
        self.key.sign(claims)
    }

    /// Whose token this is. `audiences` are those that the asker goes by; none: the API's own.
    pub fn verify(&self, token: &str, audiences: &[String], now: Timestamp) -> Result<TokenHolder, Refusal> {
        let claims: Claims = self.key.verify(token)?;
        let api = [ISSUER.to_owned()];
        let audiences = if audiences.is_empty() { &api } else { audiences };
        verify::holder(&claims, audiences, self, now)
    }

    /// The public key, as OpenID Connect publishes it.
    pub fn key_set(&self) -> Value {
        self.key.key_set()
    }
}

impl World for ServiceAccountTokens {
    fn find(&self, plural: &str, namespace: Option<&str>, name: &str) -> Option<verify::Found> {
        let kind = xebec_api::find("", "v1", plural)?;
        let stored = self.cache.get(kind, namespace, name)?;
        let meta = stored.object.meta();
        Some(verify::Found { uid: meta.uid.clone(), deleted: meta.deletion_timestamp.clone() })
    }
}

/// The document that leads OpenID Connect clients to the public key; `api` is `host:port` of a master.
pub fn discovery(api: &str) -> Value {
    json!({
        "issuer": ISSUER,
        "jwks_uri": format!("https://{api}/openid/v1/jwks"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    })
}

/// The user name of an account.
pub fn user_name(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

/// Namespace and name of the account that a user name belongs to.
pub fn split_user_name(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    let both = !namespace.is_empty() && !name.is_empty() && !name.contains(':');
    both.then_some((namespace, name))
}

/// The groups of all accounts, and of those in a namespace.
pub fn groups(namespace: &str) -> [String; 2] {
    ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]
}
