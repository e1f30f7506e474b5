//! What a token says: the registered claims of RFC 7519, and Kubernetes' own under `kubernetes.io`.

use serde::{Deserialize, Serialize};

/// The content of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// For whom.
    pub aud: Vec<String>,
    /// When it ends, in seconds of Unix time.
    pub exp: i64,
    /// When it was made.
    pub iat: i64,
    /// Who made it.
    pub iss: String,
    /// Names this one token.
    pub jti: String,
    /// Whose it is, by objects.
    #[serde(rename = "kubernetes.io")]
    pub kubernetes: Private,
    /// When it begins.
    pub nbf: i64,
    /// Whose it is, by user name.
    pub sub: String,
}

/// The account and what the token is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Private {
    /// Of the account, the pod and the secret.
    pub namespace: String,
    /// Bound to it, or, beside a pod, where that pod was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Reference>,
    /// Bound to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Reference>,
    /// Bound to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Reference>,
    /// The account.
    pub serviceaccount: Reference,
}

/// An object that must still be the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Its name.
    pub name: String,
    /// Its uid.
    #[serde(default)]
    pub uid: String,
}

/// What a token is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Bound {
    /// The account alone.
    #[default]
    Account,
    /// A pod, and where it runs.
    Pod {
        /// The pod.
        pod: Reference,
        /// Its node, once it has one.
        node: Option<Reference>,
    },
    /// A Secret of the account's namespace.
    Secret(Reference),
    /// A node.
    Node(Reference),
}

/// Everything that a new token is made from.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Of the account.
    pub namespace: String,
    /// The account.
    pub account: Reference,
    /// For whom.
    pub audiences: Vec<String>,
    /// Seconds from now.
    pub seconds: i64,
    /// Bound to what.
    pub bound: Bound,
    /// Now, in seconds of Unix time.
    pub now: i64,
    /// The token's own id.
    pub id: String,
}

impl Draft {
    /// The content of the token.
    pub fn claims(self) -> Claims {
        let (mut node, mut pod, mut secret) = (None, None, None);
        match self.bound {
            Bound::Account => {}
            Bound::Pod { pod: of, node: on } => (pod, node) = (Some(of), on),
            Bound::Secret(of) => secret = Some(of),
            Bound::Node(of) => node = Some(of),
        }
        Claims {
            aud: self.audiences,
            exp: self.now.saturating_add(self.seconds),
            iat: self.now,
            iss: super::ISSUER.to_owned(),
            jti: self.id,
            sub: super::user_name(&self.namespace, &self.account.name),
            kubernetes: Private { namespace: self.namespace, node, pod, secret, serviceaccount: self.account },
            nbf: self.now,
        }
    }
}
