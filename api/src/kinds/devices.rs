//! Devices that pods ask for (dynamic resource allocation): what there is, what is asked for, and what was given.

use serde_json::{Value, json};

use super::{Kind, Scope, Strategy, Subresource};
use crate::table::{Column, cells};
use crate::validation::devices::{CLAIM_RULES, CLAIM_TEMPLATE_RULES, CLASS_RULES, SLICE_RULES};
use crate::value::{self, list, text};
use crate::{FieldErrors, validation};

const GROUP: &str = "resource.k8s.io";

/// DeviceClass.
pub static DEVICE_CLASS: Kind = Kind {
    group: GROUP,
    kind: "DeviceClass",
    plural: "deviceclasses",
    singular: "deviceclass",
    scope: Scope::Cluster,
    generation: true,
    rules: CLASS_RULES,
    ..Kind::BASE
};

/// ResourceClaim.
pub static RESOURCE_CLAIM: Kind = Kind {
    group: GROUP,
    kind: "ResourceClaim",
    plural: "resourceclaims",
    singular: "resourceclaim",
    subresources: &[Subresource::Status],
    columns: &[Column::NAME, Column::text("State", "Whether devices were given.", |o, _| json!(state(o))), Column::AGE],
    rules: CLAIM_RULES,
    strategy: &ClaimStrategy,
    ..Kind::BASE
};

/// ResourceClaimTemplate.
pub static RESOURCE_CLAIM_TEMPLATE: Kind = Kind {
    group: GROUP,
    kind: "ResourceClaimTemplate",
    plural: "resourceclaimtemplates",
    singular: "resourceclaimtemplate",
    rules: CLAIM_TEMPLATE_RULES,
    strategy: &ClaimTemplateStrategy,
    ..Kind::BASE
};

/// ResourceSlice.
pub static RESOURCE_SLICE: Kind = Kind {
    group: GROUP,
    kind: "ResourceSlice",
    plural: "resourceslices",
    singular: "resourceslice",
    scope: Scope::Cluster,
    generation: true,
    columns: &[
        Column::NAME,
        Column::text("Node", "The node that has the devices.", |o, _| cells::or_unset(o, "/spec/nodeName")),
        Column::text("Driver", "The driver that knows them.", |o, _| cells::plain(o, "/spec/driver")),
        Column::text("Pool", "The pool they belong to.", |o, _| cells::plain(o, "/spec/pool/name")),
        Column::AGE,
    ],
    selectable: |o| {
        vec![
            ("spec.nodeName", text(o, "/spec/nodeName").unwrap_or_default().to_owned()),
            ("spec.driver", text(o, "/spec/driver").unwrap_or_default().to_owned()),
        ]
    },
    rules: SLICE_RULES,
    strategy: &SliceStrategy,
    ..Kind::BASE
};

fn state(claim: &Value) -> String {
    let mut states = Vec::new();
    if text(claim, "/metadata/deletionTimestamp").is_some() {
        states.push("deleted");
    }
    match claim.pointer("/status/allocation") {
        None if states.is_empty() => states.push("pending"),
        None => {}
        Some(_) => states.push("allocated"),
    }
    if !list(claim, "/status/reservedFor").is_empty() {
        states.push("reserved");
    }
    states.join(",")
}

struct ClaimStrategy;

impl Strategy for ClaimStrategy {
    fn default(&self, claim: &mut Value) {
        value::child(claim, "spec").into_iter().for_each(claim_defaults);
    }

    fn validate(&self, claim: &Value) -> FieldErrors {
        validation::devices::claim(claim, "/spec", "spec")
    }
}

struct ClaimTemplateStrategy;

impl Strategy for ClaimTemplateStrategy {
    fn default(&self, template: &mut Value) {
        let spec = value::child(template, "spec").and_then(|spec| value::child(spec, "spec"));
        spec.into_iter().for_each(claim_defaults);
    }

    fn validate(&self, template: &Value) -> FieldErrors {
        validation::devices::claim(template, "/spec/spec", "spec.spec")
    }
}

/// A request asks for one device unless it says how many.
fn claim_defaults(spec: &mut Value) {
    let Some(devices) = value::child(spec, "devices") else { return };
    for request in value::items(devices, "requests") {
        value::existing(request, "exactly").into_iter().for_each(exact_defaults);
        value::items(request, "firstAvailable").for_each(exact_defaults);
    }
}

fn exact_defaults(request: &mut Value) {
    value::fill(request, "allocationMode", "ExactCount");
    if request["allocationMode"] == "ExactCount" {
        value::fill_number(request, "count", 1);
    }
    for toleration in value::items(request, "tolerations") {
        value::fill(toleration, "operator", "Equal");
    }
}

struct SliceStrategy;

impl Strategy for SliceStrategy {
    fn validate(&self, slice: &Value) -> FieldErrors {
        validation::devices::slice(slice)
    }
}
