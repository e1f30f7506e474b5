//! ReplicationController: so many replicas of one pod, in the form that ReplicaSets have replaced.

use serde_json::{Value, json};

use crate::defaults::Fill;
use crate::kinds::{Kind, Strategy, Subresource};
use crate::table::{Column, cells};
use crate::validation::rule::Rule;
use crate::value::{self, entries, number};
use crate::{FieldErrors, defaults, validation};

/// ReplicationController.
pub static REPLICATION_CONTROLLER: Kind = Kind {
    kind: "ReplicationController",
    plural: "replicationcontrollers",
    singular: "replicationcontroller",
    short_names: &["rc"],
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
        Column::text("Selector", "The labels of the pods.", |o, _| cells::map(o, "/spec/selector")).wide(),
    ],
    selectable: |o| vec![("status.replicas", number(o, "/status/replicas").unwrap_or(0).to_string())],
    defaults: &[Fill::number("spec.replicas", 1)],
    rules: &[Rule::at_least("spec.replicas", 0), Rule::at_least("spec.minReadySeconds", 0)],
    strategy: &ReplicationControllerStrategy,
    ..Kind::BASE
};

struct ReplicationControllerStrategy;

impl Strategy for ReplicationControllerStrategy {
    /// Its own labels and its selector are its template's, unless it says otherwise.
    fn default(&self, object: &mut Value) {
        let labels =
            object.pointer("/spec/template/metadata/labels").cloned().filter(|l| entries(l, "").next().is_some());
        if let Some(labels) = labels {
            let unlabelled = entries(object, "/metadata/labels").next().is_none();
            if let Some(metadata) = value::child(object, "metadata").filter(|_| unlabelled) {
                metadata["labels"] = labels.clone();
            }
            let unselective = entries(object, "/spec/selector").next().is_none();
            if let Some(spec) = value::child(object, "spec").filter(|_| unselective) {
                spec["selector"] = labels;
            }
        }
        if let Some(spec) = value::child(object, "spec") {
            defaults::pod::template(spec);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        object["status"] = json!({ "replicas": 0 });
    }

    fn validate(&self, object: &Value) -> FieldErrors {
        validation::typed(object, validation::workload::replication_controller)
    }
}
