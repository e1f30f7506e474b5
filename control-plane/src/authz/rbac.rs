//! RBAC over the watch cache: the roles and bindings as they are now, compiled once and kept until one of them changes.

use std::sync::Arc;

use arc_swap::ArcSwap;
use k8s_openapi::api::rbac::v1::{PolicyRule, RoleRef};
use serde::de::DeserializeOwned;
use xebec_api::Kind;
use xebec_api::kinds::{CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING};

use super::Attributes;
use super::rules::{Grants, RoleRules, Roles};
use crate::authn::User;
use crate::cache::Cache;

/// The API group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";

/// Decides by roles and bindings.
pub struct Rbac {
    cache: Arc<Cache>,
    kinds: [&'static Kind; 4],
    compiled: ArcSwap<Compiled>,
}

#[derive(Default)]
struct Compiled {
    revisions: [u64; 4],
    roles: Roles,
    grants: Grants,
}

impl Rbac {
    /// Over this cache.
    pub fn new(cache: Arc<Cache>) -> Self {
        let kinds = [&ROLE, &CLUSTER_ROLE, &ROLE_BINDING, &CLUSTER_ROLE_BINDING];
        Self { cache, kinds, compiled: ArcSwap::default() }
    }

    /// Whether a rule bound to the caller covers the request.
    pub fn allows(&self, attributes: &Attributes<'_>) -> bool {
        self.current().grants.allow(attributes)
    }

    /// Everything the caller holds in a namespace; `None`: everywhere.
    pub fn rules(&self, user: &User, namespace: Option<&str>) -> Vec<PolicyRule> {
        self.current().grants.rules(user, namespace).cloned().collect()
    }

    /// The rules of the role that a binding in this namespace (`None`: a ClusterRoleBinding) refers to.
    pub fn resolve(&self, role: &RoleRef, namespace: Option<&str>) -> Option<RoleRules> {
        self.current().roles.resolve(role, namespace)
    }

    /// Revisions are read before objects: if an object changes in between, the next caller compiles again.
    fn current(&self) -> Arc<Compiled> {
        let revisions = self.kinds.map(|kind| self.cache.kind_revision(kind));
        let compiled = self.compiled.load();
        if compiled.revisions == revisions {
            return compiled.clone();
        }
        let [roles, cluster_roles, bindings, cluster_bindings] = self.kinds;
        let roles = Roles::new(self.decode(roles), self.decode(cluster_roles));
        let grants = Grants::new(&roles, self.decode(bindings), self.decode(cluster_bindings));
        let compiled = Arc::new(Compiled { revisions, roles, grants });
        self.compiled.store(compiled.clone());
        compiled
    }

    /// An object that cannot be decoded grants nothing.
    fn decode<T: DeserializeOwned>(&self, kind: &Kind) -> Vec<T> {
        let decode = |stored: &crate::registry::Stored| match stored.object.decode() {
            Ok(object) => Some(object),
            Err(error) => {
                tracing::error!(kind = kind.kind, name = stored.object.meta().name, %error, "cannot decode; it grants nothing");
                None
            }
        };
        self.cache.list(kind, None).iter().filter_map(decode).collect()
    }
}
