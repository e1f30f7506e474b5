//! The rules of `PodSpec`, for pods and for pod templates.

use k8s_openapi::api::core::v1::{Container, PodSpec};

use super::container::{Role, Surroundings};
use super::{
    Unique, at_least, container, named, not_negative, one_of, ports, required_name, scheduling, security, unserved,
    volume,
};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;

const DNS_POLICIES: [&str; 4] = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
const RESTART_POLICIES: [&str; 3] = ["Always", "Never", "OnFailure"];

/// What is wrong with the spec.
pub fn validate(spec: &PodSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let mut volumes = Unique::default();
    for (index, one) in spec.volumes.iter().flatten().enumerate() {
        let path = path.child("volumes").index(index);
        volume::validate(one, &path, errors);
        volumes.add(errors, &path.child("name"), &one.name);
    }
    containers(spec, &volumes, path, errors);
    policies(spec, path, errors);
    identity(spec, path, errors);
    scheduling::validate(spec, path, errors);
    unserved::validate(spec, path, errors);
    if let Some(context) = &spec.security_context {
        security::pod(context, &path.child("securityContext"), errors);
    }
}

fn containers(spec: &PodSpec, volumes: &Unique, path: &FieldPath, errors: &mut FieldErrors) {
    let mut names = Unique::default();
    let pod_has = Surroundings { volumes, host_network: spec.host_network == Some(true) };
    let mut each = |list: &[Container], role: Role, path: FieldPath, errors: &mut FieldErrors| {
        for (index, one) in list.iter().enumerate() {
            let path = path.index(index);
            container::validate(one, role, &pod_has, &path, errors);
            names.add(errors, &path.child("name"), &one.name);
        }
    };
    errors.require(!spec.containers.is_empty(), || FieldError::required(&path.child("containers"), ""));
    each(&spec.containers, Role::Main, path.child("containers"), errors);
    each(spec.init_containers.as_deref().unwrap_or_default(), Role::Init, path.child("initContainers"), errors);
    ports::host_port_conflicts(spec, path, errors);
}

fn policies(spec: &PodSpec, path: &FieldPath, errors: &mut FieldErrors) {
    one_of(errors, &path.child("restartPolicy"), spec.restart_policy.as_deref(), &RESTART_POLICIES);
    one_of(errors, &path.child("dnsPolicy"), spec.dns_policy.as_deref(), &DNS_POLICIES);
    not_negative(errors, &path.child("terminationGracePeriodSeconds"), spec.termination_grace_period_seconds);
    let deadline = path.child("activeDeadlineSeconds");
    at_least(errors, &deadline, spec.active_deadline_seconds, 1);
    if let Some(seconds) = spec.active_deadline_seconds.filter(|s| *s > i64::from(i32::MAX)) {
        errors.push(FieldError::invalid(&deadline, seconds, format!("must be between 1 and {}, inclusive", i32::MAX)));
    }
    dns(spec, path, errors);
}

fn dns(spec: &PodSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let path = path.child("dnsConfig");
    let servers = spec.dns_config.as_ref().and_then(|c| c.nameservers.as_deref()).unwrap_or_default();
    let servers_path = path.child("nameservers");
    if spec.dns_policy.as_deref() == Some("None") && servers.is_empty() {
        errors.push(FieldError::required(&servers_path, "a server is needed when `dnsPolicy` is 'None'"));
    }
    errors.require(servers.len() <= 3, || FieldError::too_many(&servers_path, servers.len(), 3));
    for (index, server) in servers.iter().enumerate() {
        ip_address(errors, &servers_path.index(index), server);
    }
    let searches = spec.dns_config.as_ref().and_then(|c| c.searches.as_deref()).unwrap_or_default();
    errors.require(searches.len() <= 32, || FieldError::too_many(&path.child("searches"), searches.len(), 32));
    for (index, search) in searches.iter().enumerate() {
        let bare = search.strip_suffix('.').unwrap_or(search);
        named(errors, &path.child("searches").index(index), bare, names::dns_subdomain);
    }
}

type Rule = fn(&str) -> names::NameResult;

fn identity(spec: &PodSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let optional: [(&str, Option<&str>, Rule); 5] = [
        ("serviceAccountName", spec.service_account_name.as_deref(), names::dns_subdomain),
        ("nodeName", spec.node_name.as_deref(), names::dns_subdomain),
        ("hostname", spec.hostname.as_deref(), names::dns_label),
        ("subdomain", spec.subdomain.as_deref(), names::dns_label),
        ("priorityClassName", spec.priority_class_name.as_deref(), names::dns_subdomain),
    ];
    for (field, text, rule) in optional {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            named(errors, &path.child(field), text, rule);
        }
    }
    for (index, secret) in spec.image_pull_secrets.iter().flatten().enumerate() {
        required_name(
            errors,
            &path.child("imagePullSecrets").index(index).child("name"),
            &secret.name,
            names::dns_subdomain,
        );
    }
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        let path = path.child("hostAliases").index(index);
        ip_address(errors, &path.child("ip"), &alias.ip);
        for (index, hostname) in alias.hostnames.iter().flatten().enumerate() {
            named(errors, &path.child("hostnames").index(index), hostname, names::dns_subdomain);
        }
    }
}

/// The text must be an IP address.
pub fn ip_address(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    if text.parse::<std::net::IpAddr>().is_err() {
        errors.push(FieldError::invalid(path, text, "must be an IP address, such as 10.42.0.7"));
    }
}
