//! RuntimeClass: what runs the containers of a pod.

use super::{Kind, Scope};
use crate::defaults::Fill;
use crate::names;
use crate::table::{Column, cells};
use crate::validation::rule::Rule;

/// RuntimeClass.
pub static RUNTIME_CLASS: Kind = Kind {
    group: "node.k8s.io",
    kind: "RuntimeClass",
    plural: "runtimeclasses",
    singular: "runtimeclass",
    scope: Scope::Cluster,
    needs_version: true,
    columns: &[
        Column::NAME,
        Column::text("Handler", "The handler on the nodes.", |o, _| cells::plain(o, "/handler")),
        Column::AGE,
    ],
    defaults: &[Fill::canonical("overhead.podFixed")],
    rules: &[
        Rule::required("handler"),
        Rule::named("handler", names::dns_label),
        Rule::amount("overhead.podFixed{}"),
        Rule::immutable("handler"),
    ],
    ..Kind::BASE
};
