//! Fields that nobody owns, and those that an applier may not change through a subresource.

use std::sync::LazyLock;

use serde_json::Value;

use super::path_set::PathSet;
use crate::kinds::{Kind, Subresource};

/// What says which object this is, and what the system keeps.
pub(super) fn unowned() -> &'static PathSet {
    static UNOWNED: LazyLock<PathSet> = LazyLock::new(|| {
        let mut unowned: PathSet = [["apiVersion"], ["kind"], ["metadata"]].into_iter().collect();
        let metadata = [
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "generation",
            "managedFields",
            "resourceVersion",
        ];
        unowned.union(metadata.map(|field| ["metadata", field]).into_iter().collect());
        unowned
    });
    &UNOWNED
}

/// Drops from a configuration what a write to that subresource does not change: the status, or all but the status.
pub(super) fn reset(kind: &Kind, subresource: Option<Subresource>, config: &mut Value) {
    let Some(fields) = config.as_object_mut() else { return };
    if subresource != Some(Subresource::Status) {
        if kind.has(Subresource::Status) {
            fields.remove("status");
        }
        return;
    }
    fields.retain(|field, _| matches!(field.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("ownerReferences");
    }
}
