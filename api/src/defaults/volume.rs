//! Defaults of volumes: a volume without a source is an empty directory, files get mode 0644.

use serde_json::{Value, json};

use super::canonical_quantities;
use crate::value::{existing, fill, items};

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
    if let Some(projected) = existing(volume, "projected") {
        items(projected, "sources").for_each(projected_source);
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
