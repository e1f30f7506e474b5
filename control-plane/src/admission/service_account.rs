//! A pod that names no service account runs as its namespace's `default`.

use serde_json::{Map, Value, json};
use xebec_api::Status;

use super::{Admission, AdmissionRequest};

/// See the module.
pub struct ServiceAccountDefault;

impl Admission for ServiceAccountDefault {
    fn name(&self) -> &'static str {
        "ServiceAccount"
    }

    fn mutate(&self, request: &mut AdmissionRequest<'_>) -> Result<(), Status> {
        if !request.creates("pods") {
            return Ok(());
        }
        let Some(spec) = request.object.get_mut("spec").and_then(Value::as_object_mut) else { return Ok(()) };
        let account =
            text(spec, "serviceAccountName").or_else(|| text(spec, "serviceAccount")).unwrap_or("default").to_owned();
        spec.insert("serviceAccountName".into(), json!(account));
        spec.insert("serviceAccount".into(), json!(account));
        Ok(())
    }
}

fn text<'a>(spec: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    spec.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}
