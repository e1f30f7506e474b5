//! The rules of one container.

use k8s_openapi::api::core::v1::{Container, VolumeMount};

use super::{Unique, env, handler, local_path, named, one_of, ports, required, required_name, resources, security};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;

/// What a container is within its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It runs as long as the pod.
    Main,
    /// It runs before the main ones, and beside them when it restarts always.
    Init,
}

/// What the pod has around the container.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// The names of its volumes.
    pub volumes: &'a Unique,
    /// Whether it is on the host's network.
    pub host_network: bool,
}

/// What is wrong with the container.
pub fn validate(one: &Container, role: Role, pod: &Surroundings<'_>, path: &FieldPath, errors: &mut FieldErrors) {
    required_name(errors, &path.child("name"), &one.name, names::dns_label);
    image(one, path, errors);
    one_of(
        errors,
        &path.child("terminationMessagePolicy"),
        one.termination_message_policy.as_deref(),
        &["FallbackToLogsOnError", "File"],
    );
    ports::validate(one.ports.as_deref().unwrap_or_default(), pod.host_network, &path.child("ports"), errors);
    env::validate(one.env.as_deref().unwrap_or_default(), &path.child("env"), errors);
    env::validate_from(one.env_from.as_deref().unwrap_or_default(), &path.child("envFrom"), errors);
    mounts(one.volume_mounts.as_deref().unwrap_or_default(), pod.volumes, &path.child("volumeMounts"), errors);
    if let Some(wanted) = &one.resources {
        resources::validate(wanted, &path.child("resources"), errors);
    }
    if let Some(context) = &one.security_context {
        security::container(context, &path.child("securityContext"), errors);
    }
    lifecycle(one, role, path, errors);
}

fn image(one: &Container, path: &FieldPath, errors: &mut FieldErrors) {
    let image = one.image.as_deref().unwrap_or_default();
    if required(errors, &path.child("image"), image) && image.trim() != image {
        errors.push(FieldError::invalid(&path.child("image"), image, "must not have leading or trailing whitespace"));
    }
    let policies = ["Always", "IfNotPresent", "Never"];
    one_of(errors, &path.child("imagePullPolicy"), one.image_pull_policy.as_deref(), &policies);
}

fn lifecycle(one: &Container, role: Role, path: &FieldPath, errors: &mut FieldErrors) {
    let policy = path.child("restartPolicy");
    match (role, one.restart_policy.as_deref()) {
        (_, None) => {}
        (Role::Init, Some(policy_name)) => one_of(errors, &policy, Some(policy_name), &["Always"]),
        (Role::Main, Some(_)) => errors.push(FieldError::forbidden(&policy, "may not be set for non-init containers")),
    }
    let ends = role == Role::Init && one.restart_policy.as_deref() != Some("Always");
    let probes = [
        ("livenessProbe", &one.liveness_probe),
        ("readinessProbe", &one.readiness_probe),
        ("startupProbe", &one.startup_probe),
    ];
    for (field, probe) in probes {
        let path = path.child(field);
        match probe {
            Some(_) if ends => errors.push(FieldError::forbidden(&path, "may not be set for init containers")),
            Some(probe) => handler::probe(probe, field != "readinessProbe", &path, errors),
            None => {}
        }
    }
    match &one.lifecycle {
        Some(_) if ends => {
            errors.push(FieldError::forbidden(&path.child("lifecycle"), "may not be set for init containers"));
        }
        Some(hooks) => handler::lifecycle(hooks, &path.child("lifecycle"), errors),
        None => {}
    }
}

fn mounts(list: &[VolumeMount], volumes: &Unique, path: &FieldPath, errors: &mut FieldErrors) {
    let mut paths = Unique::default();
    for (index, mount) in list.iter().enumerate() {
        let path = path.index(index);
        if required(errors, &path.child("name"), &mount.name) && !volumes.contains(&mount.name) {
            errors.push(FieldError::not_found(&path.child("name"), mount.name.as_str()));
        }
        if required(errors, &path.child("mountPath"), &mount.mount_path) {
            let detail = "must be unique";
            if paths.contains(&mount.mount_path) {
                errors.push(FieldError::invalid(&path.child("mountPath"), mount.mount_path.as_str(), detail));
            } else {
                paths.add(errors, &path.child("mountPath"), mount.mount_path.as_str());
            }
        }
        sub_paths(mount, &path, errors);
        let propagations = ["Bidirectional", "HostToContainer", "None"];
        one_of(errors, &path.child("mountPropagation"), mount.mount_propagation.as_deref(), &propagations);
    }
}

fn sub_paths(mount: &VolumeMount, path: &FieldPath, errors: &mut FieldErrors) {
    let sub_path = mount.sub_path.as_deref().unwrap_or_default();
    let expression = mount.sub_path_expr.as_deref().unwrap_or_default();
    local_path(errors, &path.child("subPath"), sub_path);
    local_path(errors, &path.child("subPathExpr"), expression);
    errors.require(sub_path.is_empty() || expression.is_empty(), || {
        FieldError::invalid(&path.child("subPathExpr"), expression, "subPathExpr and subPath are mutually exclusive")
    });
}

/// The name of a port, or its number.
pub fn port_reference(
    value: &k8s_openapi::apimachinery::pkg::util::intstr::IntOrString,
    path: &FieldPath,
    errors: &mut FieldErrors,
) {
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
    match value {
        IntOrString::Int(number) => super::port(errors, path, *number),
        IntOrString::String(name) => named(errors, path, name, names::port_name),
    }
}
