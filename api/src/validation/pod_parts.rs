//! The parts of a pod that have a path of their own: containers to look into it with, and what its containers may use.

use k8s_openapi::api::core::v1::{Container, Pod};
use serde_json::{Value, json};

use super::container::{self, Role, Surroundings};
use super::{Unique, resources};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::qos;
use crate::value::{child, items, list, text};

const LISTS: [&str; 2] = ["initContainers", "containers"];

/// Takes the ephemeral containers of another pod.
pub fn take_ephemeral_containers(pod: &mut Value, proposed: &Value) {
    let wanted = list(proposed, "/spec/ephemeralContainers").to_vec();
    if let Some(spec) = child(pod, "spec").filter(|_| !wanted.is_empty()) {
        spec["ephemeralContainers"] = json!(wanted);
    }
}

/// Takes what the containers of another pod may use.
pub fn take_resources(pod: &mut Value, proposed: &Value) {
    let Some(spec) = child(pod, "spec") else { return };
    for field in LISTS {
        let wanted = list(proposed, &format!("/spec/{field}"));
        for container in items(spec, field) {
            let Some(other) = wanted.iter().find(|other| other.get("name") == container.get("name")) else { continue };
            let parts = ["resources", "resizePolicy"].into_iter();
            let given = parts.filter_map(|part| other.get(part).map(|value| (part.to_owned(), value.clone())));
            container.as_object_mut().into_iter().for_each(|map| map.extend(given.clone()));
        }
    }
}

/// What is wrong with new ephemeral containers: they may be added, and neither go nor change.
pub fn ephemeral_containers(new: &Value, old: &Value) -> FieldErrors {
    let path = FieldPath::new("spec.ephemeralContainers");
    let (after, before) = (list(new, "/spec/ephemeralContainers"), list(old, "/spec/ephemeralContainers"));
    let mut errors = super::typed(new, |pod: &Pod, errors| each_ephemeral(pod, &path, errors));
    for one in before {
        let name = text(one, "/name").unwrap_or_default();
        match after.iter().find(|other| text(other, "/name") == Some(name)) {
            None => errors.push(FieldError::forbidden(
                &path,
                format!("existing ephemeral containers \"{name}\" may not be removed"),
            )),
            Some(other) if other != one => {
                errors.push(FieldError::forbidden(
                    &path,
                    format!("existing ephemeral containers \"{name}\" may not be changed"),
                ));
            }
            Some(_) => {}
        }
    }
    errors
}

/// What an ephemeral container has not: it is started once, beside the others, and nobody waits for it.
const NOT_EPHEMERAL: [&str; 8] = [
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "startupProbe",
];

fn each_ephemeral(pod: &Pod, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(spec) = &pod.spec else { return };
    let (mut volumes, mut names, mut ignored) = (Unique::default(), Unique::default(), FieldErrors::new());
    spec.volumes.iter().flatten().for_each(|volume| volumes.add(&mut ignored, path, &volume.name));
    let others = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    others.for_each(|other| names.add(&mut ignored, path, &other.name));
    let pod_has = Surroundings { volumes: &volumes, host_network: spec.host_network == Some(true) };
    for (index, one) in spec.ephemeral_containers.iter().flatten().enumerate() {
        let path = path.index(index);
        let mut value = serde_json::to_value(one).unwrap_or_default();
        for field in NOT_EPHEMERAL.iter().filter(|field| value.get(**field).is_some()) {
            errors.push(FieldError::forbidden(&path.child(field), "cannot be set for an Ephemeral Container"));
        }
        let bare = value.pointer("/resources").is_none_or(|r| r.as_object().is_some_and(serde_json::Map::is_empty));
        errors.require(bare, || {
            FieldError::forbidden(&path.child("resources"), "cannot be set for an Ephemeral Container")
        });
        let target = one.target_container_name.as_deref().filter(|name| !name.is_empty());
        if let Some(target) = target.filter(|target| spec.containers.iter().all(|other| other.name != **target)) {
            errors.push(FieldError::not_found(&path.child("targetContainerName"), target));
        }
        names.add(errors, &path.child("name"), &one.name);
        let map = value.as_object_mut();
        map.into_iter().for_each(|map| {
            map.retain(|key, _| key != "targetContainerName" && !NOT_EPHEMERAL.contains(&key.as_str()))
        });
        if let Ok(plain) = serde_json::from_value::<Container>(value) {
            container::validate(&plain, Role::Main, &pod_has, &path, errors);
        }
    }
}

/// What is wrong with new amounts: only CPU and memory change, and the pod stays in its quality of service class.
pub fn resize(new: &Value, old: &Value) -> FieldErrors {
    let path = FieldPath::new("spec");
    let mut errors = super::typed(new, |pod: &Pod, errors| each_resources(pod, &path, errors));
    let (before, after) = (qos::class(old), qos::class(new));
    errors.require(before == after, || {
        FieldError::invalid(&path, after, "Pod QOS Class may not change as a result of resizing")
    });
    for field in LISTS {
        let containers = list(new, &format!("/spec/{field}")).iter().zip(list(old, &format!("/spec/{field}")));
        for (index, (container, before)) in containers.enumerate() {
            let path = path.child(field).index(index).child("resources");
            errors.require(fixed(container) == fixed(before), || {
                FieldError::forbidden(&path, "only cpu and memory resources for containers can be changed")
            });
            let gone = ["limits", "requests"].iter().any(|kind| is_gone(container, before, kind));
            errors.require(!gone, || FieldError::forbidden(&path, "resource requests and limits cannot be removed"));
        }
    }
    errors
}

fn each_resources(pod: &Pod, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(spec) = &pod.spec else { return };
    let lists = [
        ("containers", spec.containers.as_slice()),
        ("initContainers", spec.init_containers.as_deref().unwrap_or_default()),
    ];
    for (field, list) in lists {
        for (index, one) in list.iter().enumerate() {
            if let Some(wanted) = &one.resources {
                resources::validate(wanted, &path.child(field).index(index).child("resources"), errors);
            }
        }
    }
}

/// The amounts that do not change.
fn fixed(container: &Value) -> Value {
    let mut resources = container.get("resources").cloned().unwrap_or_else(|| json!({}));
    for list in ["limits", "requests"] {
        if let Some(list) = resources.get_mut(list).and_then(Value::as_object_mut) {
            list.retain(|name, _| name != "cpu" && name != "memory");
        }
    }
    if let Some(map) = resources.as_object_mut() {
        map.retain(|_, value| value.as_object().is_none_or(|list| !list.is_empty()));
    }
    resources
}

fn is_gone(container: &Value, before: &Value, list: &str) -> bool {
    let has = |container: &Value, name: &str| container.pointer(&format!("/resources/{list}/{name}")).is_some();
    ["cpu", "memory"].iter().any(|name| has(before, name) && !has(container, name))
}
