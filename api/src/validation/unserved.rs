//! What Kubernetes allows in a pod and our nodes do not do.
//!
//! A pod that asks for it is refused: one that ran without what it asked for would be less safe, or less reachable, than its
//! author believes.

use k8s_openapi::api::core::v1::{Container, PodSpec, SeccompProfile};

use crate::field::{FieldError, FieldErrors, FieldPath};

/// Refuses what no node would do.
pub fn validate(spec: &PodSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let mut refuse = |asked: bool, field: &str, why: &str| {
        errors.require(!asked, || FieldError::forbidden(&path.child(field), why));
    };
    refuse(
        spec.share_process_namespace == Some(true),
        "shareProcessNamespace",
        "nodes do not share process namespaces",
    );
    refuse(spec.host_users == Some(false), "hostUsers", "nodes do not make user namespaces");
    let profile = spec.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
    seccomp(profile, &path.child("securityContext"), errors);
    let init = spec.init_containers.as_deref().unwrap_or_default();
    for (field, list) in [("containers", spec.containers.as_slice()), ("initContainers", init)] {
        for (index, one) in list.iter().enumerate() {
            let path = path.child(field).index(index);
            let profile = one.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
            seccomp(profile, &path.child("securityContext"), errors);
            host_ports(spec, one, &path.child("ports"), errors);
        }
    }
}

fn seccomp(profile: Option<&SeccompProfile>, path: &FieldPath, errors: &mut FieldErrors) {
    let local = profile.is_some_and(|profile| profile.type_ == "Localhost");
    let why = "nodes have no profiles of their own; use RuntimeDefault";
    errors.require(!local, || FieldError::forbidden(&path.child("seccompProfile").child("type"), why));
}

/// With the node's network every port is one of the node's.
fn host_ports(spec: &PodSpec, one: &Container, path: &FieldPath, errors: &mut FieldErrors) {
    if spec.host_network == Some(true) {
        return;
    }
    for (index, port) in one.ports.iter().flatten().enumerate() {
        let asked = port.host_port.is_some_and(|number| number != 0);
        let why = "nodes do not forward ports to pods; use a Service of type NodePort, or hostNetwork";
        errors.require(!asked, || FieldError::forbidden(&path.index(index).child("hostPort"), why));
    }
}
