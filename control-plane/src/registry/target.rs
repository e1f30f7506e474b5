//! What a request is about, and on whose behalf it comes.

use std::sync::Arc;

use tokio::time::Instant;
use xebec_api::{Kind, Subresource};

use super::Warnings;
use crate::audit::Annotations;
use crate::authn::User;

/// On whose behalf, and until when.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The authenticated caller.
    pub user: Arc<User>,
    /// After this nobody waits for the answer any more.
    pub deadline: Instant,
    /// What the caller is told beside the answer.
    pub warnings: Warnings,
    /// What is noted on the request's record.
    pub annotations: Annotations,
}

impl RequestContext {
    /// Of this caller, until then.
    pub fn new(user: Arc<User>, deadline: Instant) -> RequestContext {
        RequestContext { user, deadline, warnings: Warnings::default(), annotations: Annotations::default() }
    }

    /// With notes that whoever records the request has asked for.
    #[must_use]
    pub fn noting(self, annotations: Option<&Annotations>) -> RequestContext {
        RequestContext { annotations: annotations.cloned().unwrap_or_default(), ..self }
    }
}

/// One object, or a subresource of it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its kind.
    pub kind: &'static Kind,
    /// Absent for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// May be empty in a create, when the body names the object.
    pub name: String,
    /// Absent for the object itself.
    pub subresource: Option<Subresource>,
}

impl Target {
    /// The object `name` itself.
    pub fn new(kind: &'static Kind, namespace: Option<&str>, name: &str) -> Target {
        Target { kind, namespace: namespace.map(str::to_owned), name: name.to_owned(), subresource: None }
    }

    /// A subresource of the object.
    pub fn subresource(self, subresource: Subresource) -> Target {
        Target { subresource: Some(subresource), ..self }
    }
}

/// All objects of a kind, or those of one namespace.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The kind.
    pub kind: &'static Kind,
    /// Absent: all namespaces, or a cluster-scoped kind.
    pub namespace: Option<String>,
}

impl Scope {
    /// All objects of `kind`.
    pub fn all(kind: &'static Kind) -> Scope {
        Scope { kind, namespace: None }
    }

    /// The objects of `kind` in `namespace`.
    pub fn namespace(kind: &'static Kind, namespace: &str) -> Scope {
        Scope { kind, namespace: Some(namespace.to_owned()) }
    }
}
