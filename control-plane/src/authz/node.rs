//! What a node agent may do, by the pods that are bound to its node: its own Node, its own pods and their status, and the
//! ConfigMaps, Secrets, claims and ServiceAccount that those pods refer to, tokens of that account and the volumes of those claims
//! included. A pod bound to the node is the only key to a Secret. Besides, it sees what is attached to its node, and asks for
//! certificates; admission sees to it that those are in its own name.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, LocalObjectReference, Volume};
use serde::Deserialize;

use super::Attributes;

/// Where nodes renew their leases.
const LEASE_NAMESPACE: &str = "kube-node-lease";
const CLAIMS: &str = "persistentvolumeclaims";

/// What the decision is made from.
pub trait NodePods {
    /// The node that a pod is bound to; `None`: no such pod; `Some(None)`: not bound.
    fn node_of(&self, namespace: &str, pod: &str) -> Option<Option<String>>;
    /// Whether a pod that is bound to the node refers to the object of the core group.
    fn refers(&self, node: &str, plural: &'static str, namespace: &str, name: &str) -> bool;
    /// The claim that a PersistentVolume is for: namespace and name.
    fn claim_of(&self, volume: &str) -> Option<(String, String)>;
    /// The node that a VolumeAttachment is about.
    fn attached_to(&self, attachment: &str) -> Option<String>;
}

/// Whether the agent of `node` may.
pub fn allows(node: &str, attributes: &Attributes<'_>, pods: &dyn NodePods) -> bool {
    let a = attributes;
    if a.path.is_some() {
        return false;
    }
    match (a.group, a.resource, a.subresource, a.verb) {
        ("", "nodes", "", "create") | ("coordination.k8s.io", "leases", "", "create") => {
            a.name.is_none_or(|name| name == node) && lives_there(a)
        }
        ("", "nodes", "", "get" | "update" | "patch") | ("", "nodes", "status", "update" | "patch") => {
            a.name == Some(node)
        }
        ("coordination.k8s.io", "leases", "", "get" | "update" | "patch") => a.name == Some(node) && lives_there(a),
        ("", "pods", "", "get") => bound_node(a, pods).flatten().as_deref() == Some(node),
        ("", "pods", "", "delete") | ("", "pods", "status", "update" | "patch") => is_own_pod(node, a, pods),
        ("", "configmaps" | "secrets" | "serviceaccounts" | CLAIMS, "", "get")
        | ("", "serviceaccounts", "token", "create") => is_referenced(node, a, pods),
        ("", "persistentvolumes", "", "get") => a.name.is_some_and(|volume| is_claimed(node, volume, pods)),
        ("storage.k8s.io", "volumeattachments", "", "get") => {
            a.name.and_then(|name| pods.attached_to(name)).as_deref() == Some(node)
        }
        ("certificates.k8s.io", "certificatesigningrequests", "", "create" | "get" | "list" | "watch") => true,
        ("" | "events.k8s.io", "events", "", "create" | "patch") => true,
        _ => false,
    }
}

fn lives_there(attributes: &Attributes<'_>) -> bool {
    attributes.resource != "leases" || attributes.namespace == Some(LEASE_NAMESPACE)
}

/// For writes. A pod that does not exist is nobody's secret: the registry answers that it is not found. Admission judges the
/// object itself, so that a pod created meanwhile under the same name is safe. A read is not admitted, so it must be known to be
/// the node's.
fn is_own_pod(node: &str, attributes: &Attributes<'_>, pods: &dyn NodePods) -> bool {
    let is_named = attributes.namespace.is_some() && attributes.name.is_some();
    is_named && bound_node(attributes, pods).is_none_or(|bound| bound.as_deref() == Some(node))
}

fn bound_node(attributes: &Attributes<'_>, pods: &dyn NodePods) -> Option<Option<String>> {
    pods.node_of(attributes.namespace?, attributes.name?)
}

fn is_referenced(node: &str, attributes: &Attributes<'_>, pods: &dyn NodePods) -> bool {
    let (Some(namespace), Some(name)) = (attributes.namespace, attributes.name) else { return false };
    let plurals = ["configmaps", "secrets", "serviceaccounts", CLAIMS];
    let plural = plurals.into_iter().find(|own| *own == attributes.resource);
    plural.is_some_and(|plural| pods.refers(node, plural, namespace, name))
}

fn is_claimed(node: &str, volume: &str, pods: &dyn NodePods) -> bool {
    pods.claim_of(volume).is_some_and(|(namespace, claim)| pods.refers(node, CLAIMS, &namespace, &claim))
}

/// Of a pod's spec, what says where it runs and what it refers to; the rest is not read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BoundSpec {
    /// The node; absent or empty while the pod waits for one.
    pub node_name: Option<String>,
    service_account_name: Option<String>,
    image_pull_secrets: Option<Vec<LocalObjectReference>>,
    volumes: Option<Vec<Volume>>,
    containers: Option<Vec<Environment>>,
    init_containers: Option<Vec<Environment>>,
    ephemeral_containers: Option<Vec<Environment>>,
}

/// Of a container, where its environment comes from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Environment {
    env: Option<Vec<EnvVar>>,
    env_from: Option<Vec<EnvFromSource>>,
}

type Reference = (&'static str, String);

impl BoundSpec {
    /// Everything that it refers to, as the spec of the pod of this name: (plural, name).
    pub fn references(&self, pod: &str) -> BTreeSet<Reference> {
        let mut found = BTreeSet::new();
        let account = self.service_account_name.clone();
        found.extend(account.filter(|name| !name.is_empty()).map(|name| ("serviceaccounts", name)));
        found.extend(self.image_pull_secrets.iter().flatten().map(|secret| ("secrets", secret.name.clone())));
        found.extend(self.volumes.iter().flatten().flat_map(|volume| volume_references(pod, volume)));
        let containers = [&self.containers, &self.init_containers, &self.ephemeral_containers];
        found.extend(containers.into_iter().flatten().flatten().flat_map(Environment::references));
        found
    }
}

fn volume_references(pod: &str, volume: &Volume) -> Vec<Reference> {
    let mut found = Vec::new();
    found.extend(volume.config_map.iter().map(|source| ("configmaps", source.name.clone())));
    found.extend(volume.secret.iter().filter_map(|source| Some(("secrets", source.secret_name.clone()?))));
    let claim = volume.persistent_volume_claim.iter().map(|source| source.claim_name.clone());
    let own_claim = volume.ephemeral.iter().map(|_| format!("{pod}-{}", volume.name));
    found.extend(claim.chain(own_claim).map(|name| (CLAIMS, name)));
    for source in volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten()) {
        found.extend(source.config_map.iter().map(|source| ("configmaps", source.name.clone())));
        found.extend(source.secret.iter().map(|source| ("secrets", source.name.clone())));
    }
    found
}

impl Environment {
    fn references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        for source in self.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref()) {
            found.extend(source.config_map_key_ref.iter().map(|key| ("configmaps", key.name.clone())));
            found.extend(source.secret_key_ref.iter().map(|key| ("secrets", key.name.clone())));
        }
        for source in self.env_from.iter().flatten() {
            found.extend(source.config_map_ref.iter().map(|source| ("configmaps", source.name.clone())));
            found.extend(source.secret_ref.iter().map(|source| ("secrets", source.name.clone())));
        }
        found
    }
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
