//! Who may call the Cluster service: its operations are verbs on resources of a group of their own, so RBAC grants them.

use std::sync::Arc;

use tonic::{Request, Status};

use crate::authn::User;
use crate::authz::{Attributes, Authorizer, Decision};

/// The API group that stands for the cluster itself: `status`, `members`, `leader`, `tokens`,
/// `snapshots`, `hashchecks`.
pub const GROUP: &str = "cluster.xebec.dev";
/// The group whose `nodes` and `pods` stand for usage.
pub const METRICS_GROUP: &str = "metrics.k8s.io";

/// What a call does, in RBAC's terms.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    /// The verb.
    pub verb: &'a str,
    /// The API group.
    pub group: &'a str,
    /// The resource.
    pub resource: &'a str,
    /// `None`: the whole cluster.
    pub namespace: Option<&'a str>,
    /// The one object, if it is about one.
    pub name: Option<&'a str>,
}

impl<'a> Access<'a> {
    /// On a resource of the cluster itself.
    pub fn cluster(verb: &'a str, resource: &'a str) -> Self {
        Self { verb, group: GROUP, resource, namespace: None, name: None }
    }
}

/// The caller, if they may.
pub fn require<T>(authorizer: &dyn Authorizer, request: &Request<T>, access: Access<'_>) -> Result<Arc<User>, Status> {
    let user = request.extensions().get::<Arc<User>>().cloned();
    let user = user.ok_or_else(|| Status::unauthenticated("a client certificate is needed"))?;
    let attributes = Attributes {
        user: &user,
        verb: access.verb,
        group: access.group,
        resource: access.resource,
        subresource: "",
        namespace: access.namespace,
        name: access.name,
        path: None,
    };
    match authorizer.authorize(&attributes) {
        Decision::Allow => Ok(user),
        Decision::Deny { .. } => Err(Status::permission_denied(attributes.refusal())),
    }
}
