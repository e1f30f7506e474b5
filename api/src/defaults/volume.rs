//! Defaults of volumes: a volume without a source is an empty directory, files get mode 0644.

use serde_json::{Value, json};

use super::canonical_quantities;
use crate::value::{child, existing, fill, items};

const MODE: i64 = 0o644;

/// The defaults of one volume.
pub fn defaults(volume: &mut Value) {
    let without_source =
        volume.as_object().is_some_and(|v| v.iter().all(|(key, value)| key == "name" || value.is_null()));
    if without_source {
        volume["emptyDir"] = json!({});
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = existing(volume, source) {
            fill(source, "defaultMode", MODE);
            downward_items(source);
        }
    }
    if let Some(host_path) = existing(volume, "hostPath") {
        fill(host_path, "type", "");
    }
    if let Some(limit) = existing(volume, "emptyDir") {
        size_limit(limit);
    }
    let template = existing(volume, "ephemeral").and_then(|source| existing(source, "volumeClaimTemplate"));
    if let Some(spec) = template.and_then(|template| existing(template, "spec")) {
        claim_spec(spec);
    }
    if let Some(projected) = existing(volume, "projected") {
        items(projected, "sources").for_each(projected_source);
    }
}

/// The defaults of a claim that is made for each pod.
pub fn claim_template(claim: &mut Value) {
    fill(claim, "apiVersion", "v1");
    fill(claim, "kind", "PersistentVolumeClaim");
    if let Some(spec) = child(claim, "spec") {
        claim_spec(spec);
    }
    if let Some(status) = child(claim, "status") {
        fill(status, "phase", "Pending");
    }
}

fn claim_spec(spec: &mut Value) {
    fill(spec, "volumeMode", "Filesystem");
    if let Some(resources) = existing(spec, "resources") {
        for list in ["limits", "requests"] {
            existing(resources, list).into_iter().for_each(canonical_quantities);
        }
    }
}

fn size_limit(empty_dir: &mut Value) {
    if let Some(limit) = empty_dir.get_mut("sizeLimit").filter(|limit| !limit.is_null()) {
        let mut list = json!({ "sizeLimit": limit.take() });
        canonical_quantities(&mut list);
        *limit = list["sizeLimit"].take();
    }
}

fn projected_source(source: &mut Value) {
    if let Some(token) = existing(source, "serviceAccountToken") {
        fill(token, "expirationSeconds", 3600);
    }
    if let Some(downward) = existing(source, "downwardAPI") {
        downward_items(downward);
    }
}

fn downward_items(source: &mut Value) {
    for item in items(source, "items") {
        if let Some(field) = existing(item, "fieldRef") {
            fill(field, "apiVersion", "v1");
        }
    }
}
