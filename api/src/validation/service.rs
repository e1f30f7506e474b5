//! The rules of a Service.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use serde_json::Value;

use super::container::port_reference;
use super::pod_spec::ip_address;
use super::{Unique, named, one_of, port, ports, required, required_name};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::value::text;

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
/// The cluster address of a service that has none.
const NONE: &str = "None";

/// What is wrong with the service.
pub fn validate(service: &Service, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec");
    let Some(spec) = &service.spec else {
        errors.push(FieldError::required(&path, ""));
        return;
    };
    one_of(errors, &path.child("type"), spec.type_.as_deref(), &TYPES);
    addresses(spec, &path, errors);
    all_ports(spec, &path, errors);
    for (key, value) in spec.selector.iter().flatten() {
        named(errors, &path.child("selector"), key, names::qualified_name);
        named(errors, &path.child("selector"), value, names::label_value);
    }
    affinity(spec, &path, errors);
    traffic(spec, &path, errors);
}

/// What is wrong with the change: an address once given stays, unless the service becomes another type of service.
pub fn validate_update(new: &Value, old: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let external = |service: &Value| text(service, "/spec/type") == Some("ExternalName");
    let (before, after) = (text(old, "/spec/clusterIP"), text(new, "/spec/clusterIP"));
    if before.is_some() && before != after && !external(new) && !external(old) {
        errors.push(FieldError::immutable(&FieldPath::new("spec.clusterIP"), after.unwrap_or_default()));
    }
    errors
}

fn addresses(spec: &ServiceSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let cluster_ip = spec.cluster_ip.as_deref().unwrap_or_default();
    let cluster_path = path.child("clusterIP");
    if spec.type_.as_deref() == Some("ExternalName") {
        let name = spec.external_name.as_deref().unwrap_or_default();
        let bare = name.strip_suffix('.').unwrap_or(name);
        required_name(errors, &path.child("externalName"), bare, names::dns_subdomain);
        errors.require(cluster_ip.is_empty() || cluster_ip == NONE, || {
            FieldError::forbidden(&cluster_path, "may not be set when `type` is 'ExternalName'")
        });
    } else if !cluster_ip.is_empty() && cluster_ip != NONE {
        ip_address(errors, &cluster_path, cluster_ip);
    }
    if cluster_ip == NONE && matches!(spec.type_.as_deref(), Some("LoadBalancer" | "NodePort")) {
        let detail = "may not be 'None' when `type` is 'LoadBalancer' or 'NodePort'";
        errors.push(FieldError::invalid(&cluster_path, cluster_ip, detail));
    }
    for (index, address) in spec.external_ips.iter().flatten().enumerate() {
        ip_address(errors, &path.child("externalIPs").index(index), address);
    }
    source_ranges(spec, path, errors);
}

fn source_ranges(spec: &ServiceSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let ranges = spec.load_balancer_source_ranges.as_deref().unwrap_or_default();
    let path = path.child("loadBalancerSourceRanges");
    if !ranges.is_empty() && spec.type_.as_deref() != Some("LoadBalancer") {
        errors.push(FieldError::forbidden(&path, "may only be used when `type` is 'LoadBalancer'"));
    }
    for (index, range) in ranges.iter().enumerate() {
        let well_formed = range.contains('/') && range.trim().parse::<ipnetwork::IpNetwork>().is_ok();
        errors.require(well_formed, || {
            FieldError::invalid(&path.index(index), range.as_str(), "must be a valid CIDR value")
        });
    }
}

fn all_ports(spec: &ServiceSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let list = spec.ports.as_deref().unwrap_or_default();
    let path = path.child("ports");
    let headless = spec.cluster_ip.as_deref() == Some(NONE);
    if list.is_empty() && !headless && spec.type_.as_deref() != Some("ExternalName") {
        errors.push(FieldError::required(&path, ""));
    }
    let (mut names, mut numbers, mut node_ports) = (Unique::default(), Unique::default(), Unique::default());
    for (index, one) in list.iter().enumerate() {
        let path = path.index(index);
        service_port(one, list.len() > 1, &path, errors);
        if let Some(name) = one.name.as_deref().filter(|n| !n.is_empty()) {
            names.add(errors, &path.child("name"), name);
        }
        let protocol = one.protocol.as_deref().unwrap_or("TCP");
        numbers.add(errors, &path, format!("{}/{protocol}", one.port));
        let Some(node_port) = one.node_port.filter(|n| *n != 0) else { continue };
        node_ports.add(errors, &path.child("nodePort"), format!("{node_port}/{protocol}"));
        if matches!(spec.type_.as_deref(), Some("ClusterIP" | "ExternalName")) {
            errors.push(FieldError::forbidden(&path.child("nodePort"), "may not be used when `type` is 'ClusterIP'"));
        }
    }
}

fn service_port(one: &ServicePort, needs_name: bool, path: &FieldPath, errors: &mut FieldErrors) {
    let name = one.name.as_deref().unwrap_or_default();
    if needs_name {
        required(errors, &path.child("name"), name);
    }
    if !name.is_empty() {
        named(errors, &path.child("name"), name, names::dns_label);
    }
    port(errors, &path.child("port"), one.port);
    if let Some(node_port) = one.node_port.filter(|n| *n != 0) {
        port(errors, &path.child("nodePort"), node_port);
    }
    one_of(errors, &path.child("protocol"), one.protocol.as_deref(), &ports::PROTOCOLS);
    if let Some(target) = &one.target_port {
        port_reference(target, &path.child("targetPort"), errors);
    }
}

fn affinity(spec: &ServiceSpec, path: &FieldPath, errors: &mut FieldErrors) {
    one_of(errors, &path.child("sessionAffinity"), spec.session_affinity.as_deref(), &["ClientIP", "None"]);
    let config = path.child("sessionAffinityConfig");
    if spec.session_affinity.as_deref() == Some("None") && spec.session_affinity_config.is_some() {
        errors.push(FieldError::forbidden(&config, "must not be set when session affinity is None"));
    }
    let seconds =
        spec.session_affinity_config.as_ref().and_then(|c| c.client_ip.as_ref()).and_then(|c| c.timeout_seconds);
    if let Some(seconds) = seconds.filter(|s| !(1..=86_400).contains(s)) {
        let path = config.child("clientIP").child("timeoutSeconds");
        errors.push(FieldError::invalid(&path, seconds, "must be between 1 and 86400"));
    }
}

fn traffic(spec: &ServiceSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let policies = ["Cluster", "Local"];
    one_of(errors, &path.child("internalTrafficPolicy"), spec.internal_traffic_policy.as_deref(), &policies);
    let external = path.child("externalTrafficPolicy");
    one_of(errors, &external, spec.external_traffic_policy.as_deref(), &policies);
    let from_outside = matches!(spec.type_.as_deref(), Some("LoadBalancer" | "NodePort"))
        || spec.external_ips.as_ref().is_some_and(|ips| !ips.is_empty());
    if let Some(policy) = spec.external_traffic_policy.as_deref().filter(|_| !from_outside) {
        errors.push(FieldError::invalid(
            &external,
            policy,
            "is for services that are reached from outside of the cluster",
        ));
    }
}
