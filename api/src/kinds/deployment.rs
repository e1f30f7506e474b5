//! Deployment: replicas of a pod, renewed step by step.

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::{Kind, Subresource};
use crate::table::{Column, cells};
use crate::value::number;
use crate::{patch, schema};

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
    schema: schema::check::<Deployment>,
    merge: &patch::shapes::DEPLOYMENT,
    ..Kind::BASE
};

fn ready(deployment: &Value) -> Value {
    let ready = number(deployment, "/status/readyReplicas").unwrap_or(0);
    json!(format!("{ready}/{}", number(deployment, "/spec/replicas").unwrap_or(0)))
}
