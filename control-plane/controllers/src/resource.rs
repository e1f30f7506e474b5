//! Naming resources and objects.

use std::fmt;
use std::sync::Arc;

use xebec_api::kinds::{self, Kind};

/// A resource: group and plural, as in the kind table or a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// The API group; empty for core.
    pub group: &'static str,
    /// The plural, as in URLs.
    pub plural: &'static str,
}

impl Resource {
    /// ClusterRoles.
    pub const CLUSTER_ROLES: Self = Self::new("rbac.authorization.k8s.io", "clusterroles");
    /// ConfigMaps.
    pub const CONFIG_MAPS: Self = Self::new("", "configmaps");
    /// CustomResourceDefinitions.
    pub const DEFINITIONS: Self = Self::new("apiextensions.k8s.io", "customresourcedefinitions");
    /// Deployments.
    pub const DEPLOYMENTS: Self = Self::new("apps", "deployments");
    /// ReplicaSets.
    pub const REPLICA_SETS: Self = Self::new("apps", "replicasets");
    /// EndpointSlices.
    pub const ENDPOINT_SLICES: Self = Self::new("discovery.k8s.io", "endpointslices");
    /// Namespaces.
    pub const NAMESPACES: Self = Self::new("", "namespaces");
    /// Nodes.
    pub const NODES: Self = Self::new("", "nodes");
    /// Pods.
    pub const PODS: Self = Self::new("", "pods");
    /// ResourceQuotas.
    pub const RESOURCE_QUOTAS: Self = Self::new("", "resourcequotas");
    /// ServiceAccounts.
    pub const SERVICE_ACCOUNTS: Self = Self::new("", "serviceaccounts");
    /// Services.
    pub const SERVICES: Self = Self::new("", "services");

    const fn new(group: &'static str, plural: &'static str) -> Self {
        Self { group, plural }
    }

    /// Its row in the kind table, if it is built in.
    pub fn kind(&self) -> Option<&'static Kind> {
        kinds::kinds().iter().copied().find(|kind| kind.group == self.group && kind.plural == self.plural)
    }
}

impl From<&'static Kind> for Resource {
    fn from(kind: &'static Kind) -> Self {
        Self::new(kind.group, kind.plural)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.plural)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

/// An object by name. Cheap to clone. Ordered by resource, namespace, name, so a namespace's objects of a resource lie
/// side by side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectRef {
    /// The resource.
    pub resource: Resource,
    /// The namespace; empty for cluster-wide objects.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

impl ObjectRef {
    /// Names an object.
    pub fn new(resource: Resource, namespace: &str, name: &str) -> Self {
        Self { resource, namespace: namespace.into(), name: name.into() }
    }

    /// Names a cluster-wide object.
    pub fn cluster(resource: Resource, name: &str) -> Self {
        Self::new(resource, "", name)
    }

    /// Another object of the same namespace.
    pub fn sibling(&self, resource: Resource, name: &str) -> Self {
        Self { resource, namespace: self.namespace.clone(), name: name.into() }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.resource)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}
