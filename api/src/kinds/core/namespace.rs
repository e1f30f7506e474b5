//! Namespace: a set of names, and what is deleted together.

use serde_json::{Value, json};

use crate::kinds::{Kind, Scope, Strategy, Subresource};
use crate::names;
use crate::table::{Column, cells};
use crate::value::{self, text};

/// Namespace.
pub static NAMESPACE: Kind = Kind {
    kind: "Namespace",
    plural: "namespaces",
    singular: "namespace",
    short_names: &["ns"],
    scope: Scope::Cluster,
    subresources: &[Subresource::Status, Subresource::Finalize],
    name_rule: names::dns_label,
    columns: &[
        Column::NAME,
        Column::text("Status", "Whether the namespace is in use or on its way out.", |o, _| {
            cells::or_none(o, "/status/phase")
        }),
        Column::AGE,
    ],
    selectable: |o| vec![("status.phase", text(o, "/status/phase").unwrap_or_default().to_owned())],
    strategy: &NamespaceStrategy,
    ..Kind::BASE
};

/// A namespace is held by the finalizer `kubernetes` until its contents are gone, and labelled with its own name.
struct NamespaceStrategy;

impl Strategy for NamespaceStrategy {
    fn default(&self, object: &mut Value) {
        let name = text(object, "/metadata/name").map(str::to_owned);
        let labels = value::child(object, "metadata").and_then(|metadata| value::child(metadata, "labels"));
        if let (Some(name), Some(labels)) = (name, labels) {
            labels["kubernetes.io/metadata.name"] = json!(name);
        }
        if let Some(status) = value::child(object, "status") {
            value::fill(status, "phase", "Active");
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        object["status"] = json!({ "phase": "Active" });
        if let Some(spec) = value::child(object, "spec") {
            let finalizers = spec["finalizers"].as_array().cloned().unwrap_or_default();
            let held = finalizers.iter().any(|f| f == "kubernetes");
            spec["finalizers"] =
                if held { json!(finalizers) } else { [finalizers, vec![json!("kubernetes")]].concat().into() };
        }
    }

    fn take_part(&self, part: Subresource, namespace: &mut Value, proposed: &Value) {
        if part == Subresource::Finalize {
            let wanted = value::list(proposed, "/spec/finalizers").to_vec();
            if let Some(spec) = value::child(namespace, "spec") {
                spec["finalizers"] = wanted.into();
            }
        }
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        let kept = finalizers_kept(new, old);
        if let Some(spec) = old.get("spec") {
            new["spec"] = spec.clone();
            new["spec"]["finalizers"] = kept;
        }
    }
}

/// The finalizers of `old`; from a namespace that is being deleted they may be taken off.
fn finalizers_kept(new: &Value, old: &Value) -> Value {
    let deleting = text(old, "/metadata/deletionTimestamp").is_some();
    let wanted = value::list(new, "/spec/finalizers");
    let keep = |finalizer: &&Value| !deleting || wanted.contains(finalizer);
    value::list(old, "/spec/finalizers").iter().filter(keep).cloned().collect()
}
