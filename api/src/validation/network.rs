//! The rules of NetworkPolicy and ServiceCIDR.

use ipnetwork::IpNetwork;
use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::{named, one_of, port, ports, scheduling};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::value::list;

/// What is wrong with a policy, apart from its row's rules.
pub fn policy(policy: &NetworkPolicy, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec");
    let Some(spec) = &policy.spec else { return };
    for (index, rule) in spec.ingress.iter().flatten().enumerate() {
        let path = path.child("ingress").index(index);
        all_ports(rule.ports.as_deref().unwrap_or_default(), &path.child("ports"), errors);
        peers(rule.from.as_deref().unwrap_or_default(), &path.child("from"), errors);
    }
    for (index, rule) in spec.egress.iter().flatten().enumerate() {
        let path = path.child("egress").index(index);
        all_ports(rule.ports.as_deref().unwrap_or_default(), &path.child("ports"), errors);
        peers(rule.to.as_deref().unwrap_or_default(), &path.child("to"), errors);
    }
}

fn all_ports(list: &[NetworkPolicyPort], path: &FieldPath, errors: &mut FieldErrors) {
    for (index, one) in list.iter().enumerate() {
        let path = path.index(index);
        one_of(errors, &path.child("protocol"), one.protocol.as_deref(), &ports::PROTOCOLS);
        match (&one.port, one.end_port) {
            (Some(IntOrString::Int(number)), end) => {
                port(errors, &path.child("port"), *number);
                if let Some(end) = end {
                    end_port(*number, end, &path.child("endPort"), errors);
                }
            }
            (Some(IntOrString::String(name)), end) => {
                named(errors, &path.child("port"), name, names::port_name);
                errors.require(end.is_none(), || {
                    FieldError::invalid(&path.child("endPort"), end, "may not be specified when `port` is non-numeric")
                });
            }
            (None, Some(end)) => {
                let why = "may not be specified when `port` is not specified";
                errors.push(FieldError::invalid(&path.child("endPort"), end, why));
            }
            (None, None) => {}
        }
    }
}

fn end_port(first: i32, end: i32, path: &FieldPath, errors: &mut FieldErrors) {
    port(errors, path, end);
    errors.require(end >= first, || FieldError::invalid(path, end, "must be greater than or equal to `port`"));
}

fn peers(list: &[NetworkPolicyPeer], path: &FieldPath, errors: &mut FieldErrors) {
    for (index, peer) in list.iter().enumerate() {
        let path = path.index(index);
        let selectors = [("podSelector", &peer.pod_selector), ("namespaceSelector", &peer.namespace_selector)];
        let selects = selectors.iter().any(|(_, selector)| selector.is_some());
        for (field, selector) in selectors {
            selector.iter().for_each(|selector| scheduling::label_selector(selector, &path.child(field), errors));
        }
        match &peer.ip_block {
            Some(_) if selects => {
                let why = "may not specify both ipBlock and another peer";
                errors.push(FieldError::forbidden(&path, why));
            }
            Some(block) => ip_block(block, &path.child("ipBlock"), errors),
            None if !selects => errors.push(FieldError::required(&path, "must specify a peer")),
            None => {}
        }
    }
}

fn ip_block(block: &IPBlock, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(outer) = range(&block.cidr, &path.child("cidr"), errors) else { return };
    for (index, except) in block.except.iter().flatten().enumerate() {
        let path = path.child("except").index(index);
        let Some(inner) = range(except, &path, errors) else { continue };
        let within = outer.contains(inner.ip()) && inner.prefix() > outer.prefix();
        errors.require(within, || {
            FieldError::invalid(&path, except.as_str(), format!("must be a strict subset of `cidr`: {}", block.cidr))
        });
    }
}

fn range(text: &str, path: &FieldPath, errors: &mut FieldErrors) -> Option<IpNetwork> {
    if text.is_empty() {
        errors.push(FieldError::required(path, ""));
        return None;
    }
    let parsed = text.parse::<IpNetwork>().ok().filter(|_| text.contains('/'));
    errors.require(parsed.is_some(), || {
        FieldError::invalid(path, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")
    });
    parsed
}

/// A ServiceCIDR has at most one range of each family of addresses.
pub fn one_range_a_family(object: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let ranges = list(object, "/spec/cidrs").iter().filter_map(Value::as_str);
    let families: Vec<bool> = ranges.filter_map(|text| text.parse::<IpNetwork>().ok()).map(|r| r.is_ipv4()).collect();
    if let [first, second] = families.as_slice() {
        errors.require(first != second, || {
            let value = object.pointer("/spec/cidrs").cloned().unwrap_or_default();
            FieldError::invalid(
                &FieldPath::new("spec.cidrs"),
                value,
                "may specify no more than one IP for each IP family",
            )
        });
    }
    errors
}
