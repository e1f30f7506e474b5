//! ReplicaSet: so many replicas of one pod.

use serde_json::Value;

use crate::field::FieldErrors;
use crate::kinds::{Kind, Strategy, Subresource};
use crate::table::{Column, cells};
use crate::value::{self, number};
use crate::{defaults, validation};

/// ReplicaSet.
pub static REPLICA_SET: Kind = Kind {
    group: "apps",
    kind: "ReplicaSet",
    plural: "replicasets",
    singular: "replicaset",
    short_names: &["rs"],
    categories: &["all"],
    subresources: &[Subresource::Status, Subresource::Scale],
    generation: true,
    columns: &[
        Column::NAME,
        Column::number("Desired", "Replicas wanted.", |o, _| cells::count(o, "/spec/replicas")),
        Column::number("Current", "Replicas that exist.", |o, _| cells::count(o, "/status/replicas")),
        Column::number("Ready", "Replicas that are ready.", |o, _| cells::count(o, "/status/readyReplicas")),
        Column::AGE,
        Column::text("Containers", "The names of the containers.", cells::template_containers).wide(),
        Column::text("Images", "The images of the containers.", cells::template_images).wide(),
        Column::text("Selector", "The labels of the pods.", cells::selector).wide(),
    ],
    selectable: |o| vec![("status.replicas", number(o, "/status/replicas").unwrap_or(0).to_string())],
    strategy: &ReplicaSetStrategy,
    ..Kind::BASE
};

struct ReplicaSetStrategy;

impl Strategy for ReplicaSetStrategy {
    fn default(&self, object: &mut Value) {
        let Some(spec) = value::child(object, "spec") else { return };
        value::fill(spec, "replicas", 1);
        defaults::pod::template(spec);
    }

    fn validate(&self, object: &Value) -> FieldErrors {
        validation::typed(object, validation::workload::replica_set)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::workload::selector_is_immutable(new, old)
    }
}
