//! PriorityClass: how important pods are, in a word.

use serde_json::Value;

use super::{Kind, Scope, Strategy};
use crate::defaults::Fill;
use crate::table::{Column, cells};
use crate::validation::rule::Rule;
use crate::{FieldErrors, validation};

/// PriorityClass.
pub static PRIORITY_CLASS: Kind = Kind {
    group: "scheduling.k8s.io",
    kind: "PriorityClass",
    plural: "priorityclasses",
    singular: "priorityclass",
    short_names: &["pc"],
    scope: Scope::Cluster,
    generation: true,
    columns: &[
        Column::NAME,
        Column::number("Value", "How important.", |o, _| cells::count(o, "/value")),
        Column::text("Global-Default", "Whether pods without a class have it.", |o, _| {
            cells::flag(o, "/globalDefault")
        })
        .boolean(),
        Column::AGE,
        Column::text("PreemptionPolicy", "Whether other pods go for it.", |o, _| cells::plain(o, "/preemptionPolicy")),
    ],
    defaults: &[Fill::text("preemptionPolicy", "PreemptLowerPriority")],
    rules: &[
        Rule::one_of("preemptionPolicy", &["Never", "PreemptLowerPriority"]),
        Rule::immutable("value"),
        Rule::immutable("preemptionPolicy"),
    ],
    strategy: &PriorityClassStrategy,
    ..Kind::BASE
};

struct PriorityClassStrategy;

impl Strategy for PriorityClassStrategy {
    fn validate(&self, class: &Value) -> FieldErrors {
        validation::priority_class::validate(class)
    }
}
