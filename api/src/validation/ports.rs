//! The rules of container ports, and of host ports within a pod.

use k8s_openapi::api::core::v1::{ContainerPort, PodSpec};

use super::{Unique, named, one_of, port};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;

/// The protocols a port may have.
pub const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// What is wrong with the ports of one container.
pub fn validate(list: &[ContainerPort], host_network: bool, path: &FieldPath, errors: &mut FieldErrors) {
    let mut names = Unique::default();
    for (index, one) in list.iter().enumerate() {
        let path = path.index(index);
        if let Some(name) = one.name.as_deref().filter(|n| !n.is_empty()) {
            named(errors, &path.child("name"), name, names::port_name);
            names.add(errors, &path.child("name"), name);
        }
        if one.container_port == 0 {
            errors.push(FieldError::required(&path.child("containerPort"), ""));
        } else {
            port(errors, &path.child("containerPort"), one.container_port);
        }
        host_port(one, host_network, &path.child("hostPort"), errors);
        one_of(errors, &path.child("protocol"), one.protocol.as_deref(), &PROTOCOLS);
    }
}

fn host_port(one: &ContainerPort, host_network: bool, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(number) = one.host_port.filter(|n| *n != 0) else { return };
    port(errors, path, number);
    if host_network && number != one.container_port {
        errors.push(FieldError::invalid(path, number, "must match `containerPort` when `hostNetwork` is true"));
    }
}

/// No two main containers may ask for the same port of the host.
pub fn host_port_conflicts(spec: &PodSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let mut taken = Unique::default();
    for (c, container) in spec.containers.iter().enumerate() {
        for (p, one) in container.ports.iter().flatten().enumerate() {
            let Some(number) = one.host_port.filter(|n| *n != 0) else { continue };
            let path = path.child("containers").index(c).child("ports").index(p).child("hostPort");
            let protocol = one.protocol.as_deref().unwrap_or("TCP");
            taken.add(errors, &path, format!("{}/{protocol}/{number}", one.host_ip.as_deref().unwrap_or_default()));
        }
    }
}
