//! What a pod's RuntimeClass brings with it: its overhead, and the nodes that have that runtime.

use std::sync::Arc;

use serde_json::{Value, json};
use xebec_api::Status;
use xebec_api::kinds::RUNTIME_CLASS;
use xebec_api::value::{entries, list, text};

use super::{Admission, AdmissionRequest};
use crate::cache::Cache;

/// See the module.
pub struct RuntimeClass {
    cache: Arc<Cache>,
}

impl RuntimeClass {
    /// Looks RuntimeClasses up in `cache`.
    pub fn new(cache: Arc<Cache>) -> Self {
        Self { cache }
    }

    fn class(&self, name: &str) -> Option<Value> {
        Some(self.cache.get(&RUNTIME_CLASS, None, name)?.object.to_value())
    }
}

impl Admission for RuntimeClass {
    fn name(&self) -> &'static str {
        "RuntimeClass"
    }

    fn mutate(&self, request: &mut AdmissionRequest<'_>) -> Result<(), Status> {
        if !request.creates("pods") {
            return Ok(());
        }
        let applied = match text(request.object, "/spec/runtimeClassName") {
            None => apply(request.object, &Value::Null),
            Some(name) => match self.class(name) {
                Some(class) => apply(request.object, &class),
                None => Err(format!("RuntimeClass \"{name}\" not found")),
            },
        };
        applied.map_err(|why| Status::forbidden(request.kind, request.name, format!("pod rejected: {why}")))
    }
}

/// Gives the pod what the class says; `Null`: it has none.
fn apply(pod: &mut Value, class: &Value) -> Result<(), String> {
    let fixed = class.pointer("/overhead/podFixed").filter(|fixed| !fixed.is_null());
    match (pod["spec"].get("overhead").filter(|own| entries(own, "").next().is_some()), fixed) {
        (Some(_), None) => return Err("overhead is set, and its RuntimeClass has none".to_owned()),
        (Some(own), Some(fixed)) if own != fixed => return Err("overhead differs from its RuntimeClass'".to_owned()),
        (None, Some(fixed)) => pod["spec"]["overhead"] = fixed.clone(),
        _ => {}
    }
    for (key, value) in entries(class, "/scheduling/nodeSelector") {
        let own = pod["spec"].get("nodeSelector").and_then(|own| own.get(key));
        if own.is_some_and(|own| own != value) {
            return Err(format!("its node selector and its RuntimeClass' differ in {key}"));
        }
        pod["spec"]["nodeSelector"][key] = value.clone();
    }
    let tolerations = list(class, "/scheduling/tolerations");
    let own = list(pod, "/spec/tolerations");
    let missing: Vec<Value> = tolerations.iter().filter(|one| !own.contains(one)).cloned().collect();
    if !missing.is_empty() {
        let all: Vec<Value> = own.iter().cloned().chain(missing).collect();
        pod["spec"]["tolerations"] = json!(all);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class() -> Value {
        json!({
            "overhead": {"podFixed": {"memory": "64Mi"}},
            "scheduling": {"nodeSelector": {"runtime": "vm"}, "tolerations": [{"key": "vm", "operator": "Exists"}]},
        })
    }

    #[test]
    fn a_pod_gets_overhead_nodes_and_tolerations() {
        let mut pod = json!({"spec": {"nodeSelector": {"zone": "a"}}});
        apply(&mut pod, &class()).unwrap();
        apply(&mut pod, &class()).unwrap();
        let spec = json!({
            "overhead": {"memory": "64Mi"}, "nodeSelector": {"zone": "a", "runtime": "vm"},
            "tolerations": [{"key": "vm", "operator": "Exists"}],
        });
        assert_eq!(pod["spec"], spec);
    }

    #[test]
    fn contradictions_are_refused() {
        let refused = |spec: Value, class: &Value| apply(&mut json!({ "spec": spec }), class).is_err();
        assert!(refused(json!({"overhead": {"memory": "1Mi"}}), &class()));
        assert!(refused(json!({"overhead": {"memory": "1Mi"}}), &Value::Null));
        assert!(refused(json!({"nodeSelector": {"runtime": "runc"}}), &class()));
        assert!(!refused(json!({"overhead": {}}), &Value::Null));
    }
}
