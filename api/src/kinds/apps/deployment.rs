//! Deployment: replicas of a pod, renewed step by step.

use serde_json::{Value, json};

use crate::field::FieldErrors;
use crate::kinds::{Kind, Strategy, Subresource};
use crate::table::{Column, cells};
use crate::value::{self, number};
use crate::{defaults, validation};

/// Deployment.
pub static DEPLOYMENT: Kind = Kind {
    group: "apps",
    kind: "Deployment",
    plural: "deployments",
    singular: "deployment",
    short_names: &["deploy"],
    categories: &["all"],
    subresources: &[Subresource::Status, Subresource::Scale],
    generation: true,
    columns: &[
        Column::NAME,
        Column::text("Ready", "Ready replicas out of those wanted.", |o, _| ready(o)),
        Column::number("Up-to-date", "Replicas of the newest template.", |o, _| {
            cells::count(o, "/status/updatedReplicas")
        }),
        Column::number("Available", "Replicas that have been ready long enough.", |o, _| {
            cells::count(o, "/status/availableReplicas")
        }),
        Column::AGE,
        Column::text("Containers", "The names of the containers.", cells::template_containers).wide(),
        Column::text("Images", "The images of the containers.", cells::template_images).wide(),
        Column::text("Selector", "The labels of the pods.", cells::selector).wide(),
    ],
    strategy: &DeploymentStrategy,
    ..Kind::BASE
};

fn ready(deployment: &Value) -> Value {
    let ready = number(deployment, "/status/readyReplicas").unwrap_or(0);
    json!(format!("{ready}/{}", number(deployment, "/spec/replicas").unwrap_or(0)))
}

struct DeploymentStrategy;

impl Strategy for DeploymentStrategy {
    fn default(&self, object: &mut Value) {
        let Some(spec) = value::child(object, "spec") else { return };
        value::fill(spec, "replicas", 1);
        rollout_defaults(spec);
        defaults::pod::template(spec);
    }

    fn validate(&self, object: &Value) -> FieldErrors {
        validation::typed(object, validation::workload::deployment)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::workload::selector_is_immutable(new, old)
    }
}

/// A deployment that says nothing is renewed a quarter at a time, and given up on after ten minutes without progress.
fn rollout_defaults(spec: &mut Value) {
    value::fill(spec, "revisionHistoryLimit", 10);
    value::fill(spec, "progressDeadlineSeconds", 600);
    let Some(strategy) = value::child(spec, "strategy") else { return };
    value::fill(strategy, "type", "RollingUpdate");
    if strategy["type"] != "RollingUpdate" {
        return;
    }
    if let Some(rolling) = value::child(strategy, "rollingUpdate") {
        value::fill(rolling, "maxUnavailable", "25%");
        value::fill(rolling, "maxSurge", "25%");
    }
}
