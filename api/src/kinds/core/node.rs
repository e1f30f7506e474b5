//! Node: a machine that runs pods.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::field::FieldErrors;
use crate::kinds::{Kind, Scope, Strategy, Subresource};
use crate::table::{Column, cells};
use crate::value::{self, entries, list, text};
use crate::{conditions, defaults, validation};

/// Node.
pub static NODE: Kind = Kind {
    kind: "Node",
    plural: "nodes",
    singular: "node",
    short_names: &["no"],
    scope: Scope::Cluster,
    subresources: &[Subresource::Status],
    creates_with_status: true,
    columns: &[
        Column::NAME,
        Column::text("Status", "Whether the node is ready, and takes new pods.", status),
        Column::text("Roles", "What the node is for.", roles),
        Column::AGE,
        Column::text("Version", "The version of the node agent.", |o, _| {
            json!(text(o, "/status/nodeInfo/kubeletVersion").unwrap_or_default())
        }),
        Column::text("Internal-IP", "The address within the cluster.", |o, _| address(o, "InternalIP")).wide(),
        Column::text("External-IP", "The address outside of the cluster.", |o, _| address(o, "ExternalIP")).wide(),
        Column::text("OS-Image", "The operating system.", |o, _| info(o, "osImage")).wide(),
        Column::text("Kernel-Version", "The kernel.", |o, _| info(o, "kernelVersion")).wide(),
        Column::text("Container-Runtime", "What runs the containers.", |o, _| info(o, "containerRuntimeVersion"))
            .wide(),
    ],
    selectable: |o| vec![("spec.unschedulable", (o["spec"]["unschedulable"] == true).to_string())],
    strategy: &NodeStrategy,
    ..Kind::BASE
};

fn status(node: &Value, _: Timestamp) -> Value {
    let ready = match conditions::find(node, "Ready").and_then(|c| text(c, "/status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let cordoned = if node["spec"]["unschedulable"] == true { ",SchedulingDisabled" } else { "" };
    json!(format!("{ready}{cordoned}"))
}

fn roles(node: &Value, _: Timestamp) -> Value {
    const PREFIX: &str = "node-role.kubernetes.io/";
    let of = |(key, value): (&'_ String, &'_ Value)| match key.strip_prefix(PREFIX) {
        Some(role) => Some(role.to_owned()),
        None if key == "kubernetes.io/role" => value.as_str().map(str::to_owned),
        None => None,
    };
    let mut roles: Vec<String> = entries(node, "/metadata/labels").filter_map(of).filter(|r| !r.is_empty()).collect();
    roles.sort();
    roles.dedup();
    cells::join(roles.iter().map(String::as_str))
}

fn address(node: &Value, address_type: &str) -> Value {
    let found = list(node, "/status/addresses").iter().find(|a| text(a, "/type") == Some(address_type));
    json!(found.and_then(|a| text(a, "/address")).unwrap_or("<none>"))
}

fn info(node: &Value, key: &str) -> Value {
    json!(text(node, &format!("/status/nodeInfo/{key}")).unwrap_or("<unknown>"))
}

/// A node agent makes its own Node, and says at once what the machine has: a new node keeps its status.
struct NodeStrategy;

impl Strategy for NodeStrategy {
    fn default(&self, node: &mut Value) {
        let Some(status) = value::existing(node, "status") else { return };
        for list in ["capacity", "allocatable"] {
            if let Some(list) = value::existing(status, list) {
                defaults::canonical_quantities(list);
            }
        }
    }

    fn validate(&self, node: &Value) -> FieldErrors {
        validation::typed(node, validation::node::validate)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::node::validate_update(new, old)
    }
}
