//! What a node agent may do, by the pods that are bound to its node: its own Node, its own pods and their status, and the
//! ConfigMaps, Secrets and ServiceAccount that those pods refer to, tokens of that account included. A pod bound to the node is the only key to a Secret.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Pod, PodSpec, Volume};

use super::Attributes;

/// Where nodes renew their leases.
const LEASE_NAMESPACE: &str = "kube-node-lease";

/// What the decision is made from.
pub trait NodePods {
    /// The node that a pod is bound to; `None`: no such pod; `Some(None)`: not bound.
    fn node_of(&self, namespace: &str, pod: &str) -> Option<Option<String>>;
    /// Whether a pod that is bound to the node refers to the object of the core group.
    fn refers(&self, node: &str, plural: &'static str, namespace: &str, name: &str) -> bool;
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
        ("", "configmaps" | "secrets" | "serviceaccounts", "", "get") | ("", "serviceaccounts", "token", "create") => {
            is_referenced(node, a, pods)
        }
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
    let plural = ["configmaps", "secrets", "serviceaccounts"].into_iter().find(|own| *own == attributes.resource);
    plural.is_some_and(|plural| pods.refers(node, plural, namespace, name))
}

/// Everything that a pod's spec refers to: (plural, name).
pub fn references(pod: &Pod) -> BTreeSet<(&'static str, String)> {
    let mut found = BTreeSet::new();
    let Some(spec) = &pod.spec else { return found };
    let account = spec.service_account_name.clone();
    found.extend(account.filter(|name| !name.is_empty()).map(|name| ("serviceaccounts", name)));
    found.extend(spec.image_pull_secrets.iter().flatten().map(|secret| ("secrets", secret.name.clone())));
    found.extend(spec.volumes.iter().flatten().flat_map(volume_references));
    found.extend(environment_references(spec));
    found
}

fn volume_references(volume: &Volume) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    found.extend(volume.config_map.iter().map(|source| ("configmaps", source.name.clone())));
    found.extend(volume.secret.iter().filter_map(|source| Some(("secrets", source.secret_name.clone()?))));
    for source in volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten()) {
        found.extend(source.config_map.iter().map(|source| ("configmaps", source.name.clone())));
        found.extend(source.secret.iter().map(|source| ("secrets", source.name.clone())));
    }
    found
}

fn environment_references(spec: &PodSpec) -> Vec<(&'static str, String)> {
    let ephemeral = spec.ephemeral_containers.iter().flatten().map(|c| (&c.env, &c.env_from));
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten()).map(|c| (&c.env, &c.env_from));
    let mut found = Vec::new();
    for (env, env_from) in containers.chain(ephemeral) {
        for source in env.iter().flatten().filter_map(|variable| variable.value_from.as_ref()) {
            found.extend(source.config_map_key_ref.iter().map(|key| ("configmaps", key.name.clone())));
            found.extend(source.secret_key_ref.iter().map(|key| ("secrets", key.name.clone())));
        }
        for source in env_from.iter().flatten() {
            found.extend(source.config_map_ref.iter().map(|source| ("configmaps", source.name.clone())));
            found.extend(source.secret_ref.iter().map(|source| ("secrets", source.name.clone())));
        }
    }
    found
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
