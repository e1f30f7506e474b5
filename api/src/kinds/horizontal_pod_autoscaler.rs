//! HorizontalPodAutoscaler: as many replicas as the load wants. Version 2 is kept; version 1 knows only the CPU, and carries
//! the rest in annotations.

mod cells;
mod v1;

use serde_json::Value;

use super::{KeptAs, Kind, Strategy, Subresource};
use crate::defaults::Fill;
use crate::table::{self, Column};
use crate::validation::rule::Rule;
use crate::{FieldErrors, defaults, names, validation};

/// HorizontalPodAutoscaler, version 2.
pub static HORIZONTAL_POD_AUTOSCALER: Kind = Kind {
    group: "autoscaling",
    version: "v2",
    kind: "HorizontalPodAutoscaler",
    plural: "horizontalpodautoscalers",
    singular: "horizontalpodautoscaler",
    short_names: &["hpa"],
    categories: &["all"],
    subresources: &[Subresource::Status],
    columns: &[
        Column::NAME,
        Column::text("Reference", "What is scaled.", |o, _| cells::reference(o)),
        Column::text("Targets", "The load, and what it should be.", |o, _| cells::targets(o)),
        Column::text("MinPods", "The fewest replicas.", |o, _| table::cells::scalar(o, "/spec/minReplicas", "<unset>")),
        Column::number("MaxPods", "The most replicas.", |o, _| table::cells::count(o, "/spec/maxReplicas")),
        Column::number("Replicas", "How many there are.", |o, _| table::cells::count(o, "/status/currentReplicas")),
        Column::AGE,
    ],
    defaults: &[Fill::number("spec.minReplicas", 1)],
    rules: &[
        Rule::required("spec.scaleTargetRef.kind"),
        Rule::named("spec.scaleTargetRef.kind", names::path_segment),
        Rule::required("spec.scaleTargetRef.name"),
        Rule::named("spec.scaleTargetRef.name", names::path_segment),
        Rule::at_least("spec.minReplicas", 1),
        Rule::at_least("spec.maxReplicas", 1),
        Rule::one_of("spec.metrics[].type", &validation::autoscaler::KNOWN),
    ],
    strategy: &AutoscalerStrategy,
    ..Kind::BASE
};

/// HorizontalPodAutoscaler, version 1.
pub static HORIZONTAL_POD_AUTOSCALER_V1: Kind = Kind {
    group: "autoscaling",
    version: "v1",
    kind: "HorizontalPodAutoscaler",
    plural: "horizontalpodautoscalers",
    singular: "horizontalpodautoscaler",
    short_names: &["hpa"],
    categories: &["all"],
    subresources: &[Subresource::Status],
    kept_as: Some(&KeptAs { kind: &HORIZONTAL_POD_AUTOSCALER, read: v1::read, write: v1::write }),
    ..Kind::BASE
};

struct AutoscalerStrategy;

impl Strategy for AutoscalerStrategy {
    fn default(&self, autoscaler: &mut Value) {
        defaults::autoscaler::fill_in(autoscaler);
    }

    fn validate(&self, autoscaler: &Value) -> FieldErrors {
        validation::typed(autoscaler, validation::autoscaler::validate)
    }
}
