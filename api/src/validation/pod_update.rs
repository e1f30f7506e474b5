//! What of a pod may change once it is made.
//!
//! A pod is a promise that a node has acted on, so almost nothing of its spec changes: images (the containers are
//! restarted), a shorter deadline, more tolerations, fewer scheduling gates, and a grace period of an odd past value.

use serde_json::Value;

use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::value::{items, list, number};

/// What is wrong with the change.
pub fn validate(new: &Value, old: &Value) -> FieldErrors {
    let path = FieldPath::new("spec");
    let mut errors = FieldErrors::new();
    deadline(new, old, &path, &mut errors);
    tolerations(new, old, &path, &mut errors);
    gates(new, old, &path, &mut errors);
    let mut allowed = new["spec"].clone();
    let before = &old["spec"];
    undo_images(&mut allowed, before);
    for key in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
        match before.get(key) {
            Some(value) => allowed[key] = value.clone(),
            None => drop(allowed.as_object_mut().and_then(|spec| spec.remove(key))),
        }
    }
    if allowed != *before {
        let detail = "pod updates may only change the images of containers and init containers, \
                      `activeDeadlineSeconds`, `tolerations` (additions) and `schedulingGates` (removals)";
        errors.push(FieldError::forbidden(&path, detail));
    }
    errors
}

fn undo_images(spec: &mut Value, before: &Value) {
    for field in ["containers", "initContainers"] {
        let old = list(before, &format!("/{field}"));
        for (container, old) in items(spec, field).zip(old) {
            if let (Some(image), Some(map)) = (old.get("image"), container.as_object_mut()) {
                map.insert("image".to_owned(), image.clone());
            }
        }
    }
}

fn deadline(new: &Value, old: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let path = path.child("activeDeadlineSeconds");
    let at = "/spec/activeDeadlineSeconds";
    match (number(old, at), number(new, at)) {
        (Some(before), Some(after)) if after > before => {
            errors.push(FieldError::invalid(&path, after, "must be less than or equal to the previous value"));
        }
        (Some(_), None) => errors.push(FieldError::invalid(&path, Value::Null, "must not be removed once it is set")),
        _ => {}
    }
}

fn tolerations(new: &Value, old: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let after = list(new, "/spec/tolerations");
    // How long something is tolerated may change; what is tolerated may not.
    let alike = |a: &Value, b: &Value| ["key", "operator", "value", "effect"].iter().all(|k| a.get(k) == b.get(k));
    let kept = list(old, "/spec/tolerations").iter().all(|before| after.iter().any(|t| alike(t, before)));
    errors.require(kept, || {
        FieldError::forbidden(
            &path.child("tolerations"),
            "a toleration may be added, or its tolerationSeconds changed, but none may go",
        )
    });
}

fn gates(new: &Value, old: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let before = list(old, "/spec/schedulingGates");
    let added = list(new, "/spec/schedulingGates").iter().any(|gate| !before.contains(gate));
    errors.require(!added, || {
        FieldError::forbidden(&path.child("schedulingGates"), "gates may go, but none may be added")
    });
}
