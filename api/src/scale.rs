//! The `scale` subresource: the number of replicas, alike for every kind that has one.

use serde_json::{Value, json};

use crate::custom::JsonPath;
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::selectors::LabelSelector;
use crate::{Kind, Status, value};

/// The `autoscaling/v1` Scale of an object that has replicas.
pub fn read(kind: &Kind, object: &Value) -> Value {
    let Replicas { wanted, present, selector } = replicas(kind, object);
    let mut metadata = json!({});
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(found) = object.pointer(&format!("/metadata/{key}")) {
            metadata[key] = found.clone();
        }
    }
    json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata,
        "spec": { "replicas": wanted.unwrap_or(0) },
        "status": { "replicas": present.unwrap_or(0), "selector": selector },
    })
}

/// How many there shall be and are, and which pods they are.
struct Replicas {
    wanted: Option<i64>,
    present: Option<i64>,
    selector: String,
}

fn replicas(kind: &Kind, object: &Value) -> Replicas {
    if let Some(paths) = kind.scale_of() {
        let number = |path: &JsonPath| path.first(object).and_then(Value::as_i64);
        let selector = paths.selector.as_ref().and_then(|path| path.first(object)?.as_str());
        let selector = selector.unwrap_or_default().to_owned();
        return Replicas { wanted: number(&paths.wanted), present: number(&paths.present), selector };
    }
    let selector = object.pointer("/spec/selector").and_then(selector);
    Replicas {
        wanted: value::number(object, "/spec/replicas"),
        present: value::number(object, "/status/replicas"),
        selector: selector.map(|s| s.to_string()).unwrap_or_default(),
    }
}

/// A label selector, or the plain labels that a ReplicationController selects by.
fn selector(value: &Value) -> Option<LabelSelector> {
    let is_plain = value::entries(value, "").all(|(_, value)| value.is_string());
    if !is_plain {
        return LabelSelector::from_json(value).ok();
    }
    let labels = value::entries(value, "").filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    Some(LabelSelector::from_map(&labels.collect()))
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
    if let Some(paths) = kind.scale_of() {
        paths.wanted.set(object, json!(replicas));
    } else if let Some(spec) = value::child(object, "spec") {
        spec["replicas"] = json!(replicas);
    }
    Ok(())
}
