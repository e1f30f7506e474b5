//! What a node may not write, even into objects that it may write: admission, judged on the old and on the new object.
//!
//! Authorization knows only names. Without this, the agent of a broken-into node could take its taints off, give itself the labels
//! that sensitive pods select, move a pod's status to another node, or make its Node the property of an object that it may have
//! deleted.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::pki::signing::{Signer, Subject};

/// A write by a node's agent.
#[derive(Clone, Copy)]
pub struct NodeWrite<'a> {
    /// The node whose agent writes.
    pub node: &'a str,
    /// The plural.
    pub resource: &'a str,
    /// The object as it would be; `Null` when it is deleted.
    pub new: &'a Value,
    /// The object as it is; `None` when it is created.
    pub old: Option<&'a Value>,
}

/// Why such a write is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Restriction {
    /// An object of another node.
    #[error("node {node} may not write objects of other nodes")]
    Foreign {
        /// Who tried.
        node: String,
    },
    /// Pods come from the API, and Nodes go by it.
    #[error("node {node} may not {verb} {resource}")]
    Verb {
        /// Who tried.
        node: String,
        /// `create` or `delete`.
        verb: &'static str,
        /// The plural.
        resource: String,
    },
    /// A token that no pod of the node needs.
    #[error("node {node} may have tokens only for pods that are bound to it: {why}")]
    Token {
        /// Who tried.
        node: String,
        /// What is wrong with the request.
        why: &'static str,
    },
    /// A certificate in the name of another.
    #[error("node {node} may ask for certificates of nodes only for itself, as system:node:{node}")]
    Certificate {
        /// Who tried.
        node: String,
    },
    /// A field that is not the node's to change.
    #[error("node {node} may not change {field}")]
    Field {
        /// Who tried.
        node: String,
        /// Its path.
        field: String,
    },
}

/// Labels of Kubernetes' own domains that describe the machine, and so are the node's to set.
const OWN_LABELS: [&str; 3] = ["kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch"];
const OWN_LABEL_DOMAINS: [&str; 3] = ["kubelet.kubernetes.io", "node.kubernetes.io", "topology.kubernetes.io"];

/// Whether the write may happen.
pub fn check(write: &NodeWrite<'_>) -> Result<(), Restriction> {
    match write.resource {
        "nodes" => check_node(write),
        "pods" => check_pod(write),
        "leases" => check_named(write),
        _ => Ok(()),
    }
}

/// Whether the agent of `node` may have the token of this TokenRequest. `pod` is the one that it is to be bound to, if there is
/// such a pod.
pub fn check_token(node: &str, request: &Value, pod: Option<&Value>) -> Result<(), Restriction> {
    let refuse = |why| Err(Restriction::Token { node: node.to_owned(), why });
    let bound = &request["spec"]["boundObjectRef"];
    if bound["kind"] != "Pod" {
        return refuse("the token is not bound to a pod");
    }
    if bound["uid"].as_str().is_none_or(str::is_empty) {
        return refuse("the pod's uid is missing");
    }
    let Some(pod) = pod.filter(|pod| pod["metadata"]["uid"] == bound["uid"]) else {
        return refuse("there is no such pod");
    };
    if pod["spec"]["nodeName"] != node {
        return refuse("the pod is bound to another node");
    }
    let audiences = request["spec"]["audiences"].as_array().into_iter().flatten();
    let shown: Vec<&Value> = audiences_of(pod).collect();
    if audiences.into_iter().any(|audience| !shown.contains(&audience)) {
        return refuse("no volume of the pod shows a token for this audience");
    }
    Ok(())
}

/// Whether the agent of `node` may ask a signer for a certificate of this subject. A request that cannot be read is for validation
/// to refuse; what other signers sign is for them to judge.
pub fn check_certificate(node: &str, signer: &str, subject: Option<&Subject>) -> Result<(), Restriction> {
    let is_for_nodes = matches!(Signer::parse(signer), Some(Signer::KubeletClient | Signer::KubeletServing));
    match subject.filter(|_| is_for_nodes) {
        Some(subject) if subject.node_name() != Some(node) => Err(Restriction::Certificate { node: node.to_owned() }),
        _ => Ok(()),
    }
}

fn audiences_of(pod: &Value) -> impl Iterator<Item = &Value> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let sources = volumes.flat_map(|volume| volume["projected"]["sources"].as_array().into_iter().flatten());
    sources.map(|source| &source["serviceAccountToken"]["audience"]).filter(|audience| audience.is_string())
}

fn check_node(write: &NodeWrite<'_>) -> Result<(), Restriction> {
    check_named(write)?;
    if write.new.is_null() {
        return Err(verb(write, "delete"));
    }
    let null = Value::Null;
    let old = write.old.unwrap_or(&null);
    check_labels(write, &old["metadata"]["labels"], &write.new["metadata"]["labels"])?;
    unchanged(write, old, "/metadata/ownerReferences")?;
    unchanged(write, old, "/metadata/finalizers")?;
    // Also when it is created: with a range of its choice it would get the traffic of others' pods.
    unchanged(write, old, "/spec/podCIDR")?;
    unchanged(write, old, "/spec/podCIDRs")?;
    if write.old.is_none() {
        return Ok(());
    }
    unchanged(write, old, "/spec/taints")?;
    unchanged(write, old, "/spec/unschedulable")
}

fn check_pod(write: &NodeWrite<'_>) -> Result<(), Restriction> {
    let Some(old) = write.old else { return Err(verb(write, "create")) };
    let bound_here = |pod: &Value| pod["spec"]["nodeName"] == write.node;
    if !bound_here(old) || !(write.new.is_null() || bound_here(write.new)) {
        return Err(Restriction::Foreign { node: write.node.to_owned() });
    }
    if write.new.is_null() {
        return Ok(());
    }
    ["/metadata/labels", "/metadata/ownerReferences", "/metadata/finalizers", "/spec"]
        .iter()
        .try_for_each(|pointer| unchanged(write, old, pointer))
}

fn check_named(write: &NodeWrite<'_>) -> Result<(), Restriction> {
    let is_own = |object: &Value| object.is_null() || object["metadata"]["name"] == write.node;
    if is_own(write.new) && write.old.is_none_or(is_own) {
        return Ok(());
    }
    Err(Restriction::Foreign { node: write.node.to_owned() })
}

fn check_labels(write: &NodeWrite<'_>, old: &Value, new: &Value) -> Result<(), Restriction> {
    let keys =
        |labels: &Value| labels.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>();
    let all: BTreeSet<String> = keys(old).union(&keys(new)).cloned().collect();
    match all.into_iter().find(|key| old.get(key) != new.get(key) && !is_own_label(key)) {
        Some(key) => Err(field(write, format!("the label {key}"))),
        None => Ok(()),
    }
}

fn is_own_label(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let is_in = |parent: &str| domain == parent || domain.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'));
    let reserved = is_in("kubernetes.io") || is_in("k8s.io");
    !reserved || OWN_LABELS.contains(&key) || OWN_LABEL_DOMAINS.iter().any(|own| is_in(own))
}

fn unchanged(write: &NodeWrite<'_>, old: &Value, pointer: &str) -> Result<(), Restriction> {
    let is_set = |value: &&Value| !value.is_null() && **value != Value::Array(Vec::new());
    let (before, after) = (old.pointer(pointer).filter(is_set), write.new.pointer(pointer).filter(is_set));
    if before == after { Ok(()) } else { Err(field(write, pointer[1..].replace('/', "."))) }
}

fn field(write: &NodeWrite<'_>, field: String) -> Restriction {
    Restriction::Field { node: write.node.to_owned(), field }
}

fn verb(write: &NodeWrite<'_>, verb: &'static str) -> Restriction {
    Restriction::Verb { node: write.node.to_owned(), verb, resource: write.resource.to_owned() }
}

#[cfg(test)]
#[path = "node_restriction_tests.rs"]
mod tests;
