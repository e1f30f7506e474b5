//! The rules of Ingress and IngressClass.

use k8s_openapi::api::networking::v1::{HTTPIngressPath, Ingress, IngressBackend, IngressRule, IngressTLS};
use serde_json::Value;

use super::{named, one_of, port, required, required_name};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::value::text;

/// What is wrong with an Ingress.
pub fn validate(ingress: &Ingress, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec");
    let Some(spec) = &ingress.spec else {
        errors.push(FieldError::invalid(&path, Value::Null, "either `defaultBackend` or `rules` must be specified"));
        return;
    };
    let rules = spec.rules.as_deref().unwrap_or_default();
    errors.require(!rules.is_empty() || spec.default_backend.is_some(), || {
        let value = serde_json::to_value(rules).unwrap_or_default();
        FieldError::invalid(&path, value, "either `defaultBackend` or `rules` must be specified")
    });
    if let Some(one) = &spec.default_backend {
        backend(one, &path.child("defaultBackend"), errors);
    }
    if let Some(class) = &spec.ingress_class_name {
        named(errors, &path.child("ingressClassName"), class, names::dns_subdomain);
    }
    for (index, one) in spec.tls.iter().flatten().enumerate() {
        tls(one, &path.child("tls").index(index), errors);
    }
    for (index, one) in rules.iter().enumerate() {
        rule(one, &path.child("rules").index(index), errors);
    }
}

/// A host name, or one with a wildcard in place of its first label.
fn host(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    if text.parse::<std::net::IpAddr>().is_ok() {
        errors.push(FieldError::invalid(path, text, "must be a DNS name, not an IP address"));
        return;
    }
    named(errors, path, text.strip_prefix("*.").unwrap_or(text), names::dns_subdomain);
}

fn tls(tls: &IngressTLS, path: &FieldPath, errors: &mut FieldErrors) {
    for (index, name) in tls.hosts.iter().flatten().enumerate() {
        host(errors, &path.child("hosts").index(index), name);
    }
    if let Some(secret) = tls.secret_name.as_deref().filter(|name| !name.is_empty()) {
        named(errors, &path.child("secretName"), secret, names::dns_subdomain);
    }
}

fn rule(rule: &IngressRule, path: &FieldPath, errors: &mut FieldErrors) {
    if let Some(name) = rule.host.as_deref().filter(|name| !name.is_empty()) {
        host(errors, &path.child("host"), name);
    }
    let Some(http) = &rule.http else { return };
    let path = path.child("http").child("paths");
    errors.require(!http.paths.is_empty(), || FieldError::required(&path, ""));
    for (index, one) in http.paths.iter().enumerate() {
        http_path(one, &path.index(index), errors);
    }
}

fn http_path(one: &HTTPIngressPath, path: &FieldPath, errors: &mut FieldErrors) {
    if one.path_type.is_empty() {
        errors.push(FieldError::required(&path.child("pathType"), "pathType must be specified"));
    } else {
        let types = ["Exact", "ImplementationSpecific", "Prefix"];
        one_of(errors, &path.child("pathType"), Some(&one.path_type), &types);
    }
    let text = one.path.as_deref().unwrap_or_default();
    let free = one.path_type == "ImplementationSpecific" && text.is_empty();
    errors.require(free || text.starts_with('/'), || {
        FieldError::invalid(&path.child("path"), text, "must be an absolute path")
    });
    if one.path_type != "ImplementationSpecific" {
        let tricks = ["//", "/./", "/../", "%2f", "%2F"].iter().find(|trick| text.contains(**trick));
        if let Some(trick) = tricks {
            errors.push(FieldError::invalid(&path.child("path"), text, format!("must not contain '{trick}'")));
        }
    }
    backend(&one.backend, &path.child("backend"), errors);
}

fn backend(backend: &IngressBackend, path: &FieldPath, errors: &mut FieldErrors) {
    match (&backend.service, &backend.resource) {
        (Some(_), Some(_)) => {
            let why = "cannot set both resource and service backends";
            errors.push(FieldError::invalid(path, Value::Null, why));
        }
        (None, None) => errors.push(FieldError::required(path, "resource or service backend is required")),
        (Some(service), None) => {
            let path = path.child("service");
            required_name(errors, &path.child("name"), &service.name, names::dns_1035_label);
            let path = path.child("port");
            let one = service.port.as_ref();
            let name = one.and_then(|port| port.name.as_deref()).filter(|name| !name.is_empty());
            let number = one.and_then(|port| port.number).filter(|number| *number != 0);
            match (name, number) {
                (Some(name), None) => named(errors, &path.child("name"), name, names::port_name),
                (None, Some(number)) => port(errors, &path.child("number"), number),
                (Some(_), Some(_)) => {
                    errors.push(FieldError::invalid(&path, Value::Null, "cannot set both port name & port number"));
                }
                (None, None) => errors.push(FieldError::required(&path, "port name or number is required")),
            }
        }
        (None, Some(resource)) => {
            let path = path.child("resource");
            required(errors, &path.child("kind"), &resource.kind);
            required(errors, &path.child("name"), &resource.name);
        }
    }
}

/// What is wrong with an IngressClass, apart from its row's rules.
pub fn class(class: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec.parameters.namespace");
    let namespace = text(class, "/spec/parameters/namespace");
    match (text(class, "/spec/parameters/scope"), namespace) {
        (Some("Namespace"), None) => {
            errors.push(FieldError::required(&path, "must be set when `scope` is 'Namespace'"));
        }
        (Some("Cluster"), Some(_)) => {
            errors.push(FieldError::forbidden(&path, "must not be set when `scope` is 'Cluster'"));
        }
        _ => {}
    }
    errors
}
