//! CSINode: which drivers for storage a node has.

use serde_json::Value;

use crate::kinds::{Kind, Scope, Strategy};
use crate::table::{Column, cells};
use crate::validation::rule::Rule;
use crate::{FieldErrors, names, validation};

/// CSINode.
pub static CSI_NODE: Kind = Kind {
    group: "storage.k8s.io",
    kind: "CSINode",
    plural: "csinodes",
    singular: "csinode",
    scope: Scope::Cluster,
    needs_version: true,
    columns: &[
        Column::NAME,
        Column::number("Drivers", "How many drivers the node has.", |o, _| cells::length(o, "/spec/drivers")),
        Column::AGE,
    ],
    rules: &[
        Rule::required("spec.drivers[].name"),
        Rule::named("spec.drivers[].name", names::dns_subdomain),
        Rule::required("spec.drivers[].nodeID"),
        Rule::at_least("spec.drivers[].allocatable.count", 0),
        Rule::required("spec.drivers[].topologyKeys[]"),
        Rule::named("spec.drivers[].topologyKeys[]", names::qualified_name),
    ],
    strategy: &CsiNodeStrategy,
    ..Kind::BASE
};

struct CsiNodeStrategy;

impl Strategy for CsiNodeStrategy {
    fn validate(&self, node: &Value) -> FieldErrors {
        validation::storage::drivers_of_node(node)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::storage::drivers_stay(new, old)
    }
}
