//! A pod's priority is its PriorityClass': the number is looked up here, and nobody writes it by hand.

use std::sync::Arc;

use serde_json::{Value, json};
use xebec_api::Status;
use xebec_api::value::text;

use super::{Admission, AdmissionRequest, Operation};
use crate::cache::Cache;

const GROUP: &str = "scheduling.k8s.io";
/// Of a pod that names no class, where no class is the default.
const NO_PRIORITY: i64 = 0;
const PREEMPTS: &str = "PreemptLowerPriority";

/// See the module.
pub struct Priority {
    cache: Arc<Cache>,
}

impl Priority {
    /// Looks PriorityClasses up in `cache`.
    pub fn new(cache: Arc<Cache>) -> Self {
        Self { cache }
    }

    fn class(&self, name: &str) -> Option<Value> {
        let kind = xebec_api::find(GROUP, "v1", "priorityclasses")?;
        Some(self.cache.get(kind, None, name)?.object.to_value())
    }

    /// The class of pods that name none: the lowest, should there be several.
    fn default_class(&self) -> Option<Value> {
        let kind = xebec_api::find(GROUP, "v1", "priorityclasses")?;
        let classes = self.cache.list(kind, None).into_iter().map(|stored| stored.object.to_value());
        classes.filter(|class| class["globalDefault"] == true).min_by_key(|class| class["value"].as_i64())
    }
}

impl Admission for Priority {
    fn name(&self) -> &'static str {
        "Priority"
    }

    fn mutate(&self, request: &mut AdmissionRequest<'_>) -> Result<(), Status> {
        if !request.creates("pods") {
            return Ok(());
        }
        let class = match text(request.object, "/spec/priorityClassName") {
            None => self.default_class(),
            Some(name) => match self.class(name) {
                Some(class) => Some(class),
                None => {
                    let why = format!("no PriorityClass with name {name} was found");
                    return Err(Status::forbidden(request.kind, request.name, why));
                }
            },
        };
        let resolved = resolve(request.object, class.as_ref());
        resolved.map_err(|why| Status::forbidden(request.kind, request.name, why))
    }

    fn validate(&self, request: &AdmissionRequest<'_>) -> Result<(), Status> {
        let is_class = request.kind.group == GROUP && request.kind.plural == "priorityclasses";
        if !is_class || request.operation == Operation::Delete || request.object["globalDefault"] != true {
            return Ok(());
        }
        match self.default_class() {
            Some(other) if other["metadata"]["name"] != request.name => {
                let other = text(&other, "/metadata/name").unwrap_or_default();
                let why = format!("PriorityClass {other} is already marked as default. Only one default can exist");
                Err(Status::forbidden(request.kind, request.name, why))
            }
            _ => Ok(()),
        }
    }
}

/// Writes what the class says into the pod, and refuses a pod that says something else.
fn resolve(pod: &mut Value, class: Option<&Value>) -> Result<(), String> {
    let spec = &mut pod["spec"];
    let priority = class.map_or(Some(NO_PRIORITY), |class| class["value"].as_i64()).unwrap_or(NO_PRIORITY);
    if let Some(own) = spec["priority"].as_i64().filter(|own| *own != priority) {
        return Err(format!(
            "the integer value of priority ({own}) must not be provided in pod spec; \
             the priority of its PriorityClass is {priority}"
        ));
    }
    let policy = class.and_then(|class| text(class, "/preemptionPolicy")).unwrap_or(PREEMPTS).to_owned();
    if let Some(own) = text(spec, "/preemptionPolicy").filter(|own| *own != policy) {
        return Err(format!(
            "the string value of PreemptionPolicy ({own}) must not be provided in pod spec; \
             that of its PriorityClass is {policy}"
        ));
    }
    if let Some(class) = class {
        spec["priorityClassName"] = class["metadata"]["name"].clone();
    }
    spec["priority"] = json!(priority);
    spec["preemptionPolicy"] = json!(policy);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_says_the_number() {
        let class = json!({"metadata": {"name": "high"}, "value": 1000, "preemptionPolicy": "Never"});
        let mut pod = json!({"spec": {"priorityClassName": "high"}});
        resolve(&mut pod, Some(&class)).unwrap();
        let spec = json!({"priorityClassName": "high", "priority": 1000, "preemptionPolicy": "Never"});
        assert_eq!(pod["spec"], spec);
        resolve(&mut pod, Some(&class)).unwrap();
    }

    #[test]
    fn without_a_class_it_is_zero() {
        let mut pod = json!({"spec": {}});
        resolve(&mut pod, None).unwrap();
        assert_eq!(pod["spec"], json!({"priority": 0, "preemptionPolicy": "PreemptLowerPriority"}));
    }

    #[test]
    fn another_number_is_refused() {
        let mut pod = json!({"spec": {"priority": 7}});
        assert!(resolve(&mut pod, None).unwrap_err().contains("(7)"));
        let mut pod = json!({"spec": {"preemptionPolicy": "Never"}});
        assert!(resolve(&mut pod, None).unwrap_err().contains("(Never)"));
    }
}
