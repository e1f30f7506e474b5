//! Defaults of pods and of pod templates.

use serde_json::{Value, json};

use super::{container, volume};
use crate::value::{child, existing, fill, items, text};

/// How long a pod may take to end.
pub const GRACE_SECONDS: i64 = 30;

/// The defaults of a pod template's or pod's `spec`.
pub fn spec(spec: &mut Value) {
    fill(spec, "restartPolicy", "Always");
    fill(spec, "dnsPolicy", "ClusterFirst");
    fill(spec, "terminationGracePeriodSeconds", GRACE_SECONDS);
    fill(spec, "schedulerName", "default-scheduler");
    fill(spec, "securityContext", json!({}));
    service_account(spec);
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        items(spec, list).for_each(container::defaults);
    }
    items(spec, "volumes").for_each(volume::defaults);
    if let Some(overhead) = existing(spec, "overhead") {
        super::canonical_quantities(overhead);
    }
}

/// The defaults of a pod itself, which its template leaves open.
pub fn pod(pod: &mut Value) {
    let Some(spec_value) = child(pod, "spec") else { return };
    spec(spec_value);
    fill(spec_value, "enableServiceLinks", true);
    let host_network = spec_value["hostNetwork"] == true;
    for list in ["initContainers", "containers"] {
        for one in items(spec_value, list) {
            container::requests_from_limits(one);
            if host_network {
                container::host_ports(one);
            }
        }
    }
}

/// The defaults of a `template` below `spec`.
pub fn template(parent: &mut Value) {
    if let Some(spec_value) = child(parent, "template").and_then(|template| child(template, "spec")) {
        spec(spec_value);
    }
}

/// `serviceAccount` is the old name of `serviceAccountName`; both are kept alike.
fn service_account(spec: &mut Value) {
    let name = text(spec, "/serviceAccountName").or_else(|| text(spec, "/serviceAccount")).map(str::to_owned);
    if let Some(name) = name {
        spec["serviceAccountName"] = json!(name);
        spec["serviceAccount"] = json!(name);
    }
}
