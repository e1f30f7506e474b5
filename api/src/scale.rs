//! The `scale` subresource: the number of replicas, alike for every kind that has one.

use serde_json::{Value, json};

use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::selectors::LabelSelector;
use crate::{Kind, Status, value};

/// The `autoscaling/v1` Scale of a Deployment or ReplicaSet.
pub fn read(object: &Value) -> Value {
    let selector = object.pointer("/spec/selector").and_then(|s| LabelSelector::from_json(s).ok());
    let mut metadata = json!({});
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(found) = object.pointer(&format!("/metadata/{key}")) {
            metadata[key] = found.clone();
        }
    }
    json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata,
        "spec": { "replicas": value::number(object, "/spec/replicas").unwrap_or(0) },
        "status": {
            "replicas": value::number(object, "/status/replicas").unwrap_or(0),
            "selector": selector.map(|s| s.to_string()).unwrap_or_default(),
        },
    })
}

/// Sets the number of replicas that a Scale asks for.
pub fn write(kind: &Kind, object: &mut Value, scale: &Value) -> Result<(), Status> {
    let name = value::text(object, "/metadata/name").unwrap_or_default().to_owned();
    let path = FieldPath::new("spec.replicas");
    let refuse = |error| Status::invalid(kind, &name, &FieldErrors::from_iter([error]));
    let replicas = match scale.pointer("/spec/replicas") {
        None | Some(Value::Null) => 0,
        Some(wanted) => wanted
            .as_i64()
            .ok_or_else(|| refuse(FieldError::type_invalid(&path, wanted.clone(), "must be an integer")))?,
    };
    if !(0..=i64::from(i32::MAX)).contains(&replicas) {
        return Err(refuse(FieldError::invalid(&path, replicas, "must be greater than or equal to 0")));
    }
    if let Some(spec) = value::child(object, "spec") {
        spec["replicas"] = json!(replicas);
    }
    Ok(())
}
