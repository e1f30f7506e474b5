//! From client-side apply to server-side apply.
//!
//! `kubectl apply` keeps what it applied in an annotation, and owns the fields as an updater. When the same person turns to
//! `kubectl apply --server-side`, what the annotation has and nobody changed since is theirs: it is no conflict. As long as the
//! annotation is there, it follows what is applied, so that the way back is open.

use serde_json::Value;

use super::compare::compare;
use super::conflict::Conflict;
use super::owned::owned;
use super::place::Place;

/// The annotation.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The manager that this is for. Others opt out by their name.
const MANAGER: &str = "kubectl";
/// The most bytes that annotations have together.
const MAX_ANNOTATIONS: usize = 256 * 1024;

fn annotation(live: &Value) -> Option<&str> {
    live.get("metadata")?.get("annotations")?.get(LAST_APPLIED)?.as_str().filter(|text| !text.is_empty())
}

/// The conflicts that remain when the annotation is believed.
pub(super) fn without_own(place: Place<'_>, live: &Value, manager: &str, conflicts: Vec<Conflict>) -> Vec<Conflict> {
    if conflicts.is_empty() {
        return conflicts;
    }
    let last = annotation(live).filter(|_| manager == MANAGER);
    let Some(last) = last.and_then(|text| serde_json::from_str::<Value>(text).ok()) else { return conflicts };
    if last.get("apiVersion") != live.get("apiVersion") {
        return conflicts;
    }
    let Ok(own) = owned(place, &last) else { return conflicts };
    let changed = compare(place, &last, live);
    let own = own.difference(&changed.taken).difference(&changed.removed);
    conflicts.into_iter().filter(|conflict| !own.has(&conflict.path)).collect()
}

/// Lets the annotation follow what is applied.
pub(super) fn follow(object: &mut Value, manager: &str, config: &Value) {
    if manager != MANAGER || annotation(object).is_none() {
        return;
    }
    let mut config = config.clone();
    if let Some(annotations) = config.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) else { return };
    annotations.insert(LAST_APPLIED.to_owned(), Value::String(format!("{config}\n")));
    let size: usize = annotations.iter().map(|(key, text)| key.len() + text.as_str().map_or(0, str::len)).sum();
    if size > MAX_ANNOTATIONS {
        annotations.remove(LAST_APPLIED);
    }
}
