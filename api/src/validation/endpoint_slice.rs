//! The rules of an EndpointSlice: its addresses are of one kind.

use std::net::IpAddr;

use serde_json::Value;

use super::{Unique, named};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::value::{list, text};

/// What is wrong with a slice, apart from its row's rules.
pub fn validate(slice: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let kind = text(slice, "/addressType").unwrap_or_default();
    for (index, endpoint) in list(slice, "/endpoints").iter().enumerate() {
        let path = FieldPath::new("endpoints").index(index).child("addresses");
        for (index, text) in list(endpoint, "/addresses").iter().filter_map(Value::as_str).enumerate() {
            address(kind, text, &path.index(index), &mut errors);
        }
    }
    let mut ports = Unique::default();
    for (index, port) in list(slice, "/ports").iter().enumerate() {
        let path = FieldPath::new("ports").index(index).child("name");
        ports.add(&mut errors, &path, text(port, "/name").unwrap_or_default());
    }
    errors
}

fn address(kind: &str, text: &str, path: &FieldPath, errors: &mut FieldErrors) {
    let parsed = text.parse::<IpAddr>();
    let (fits, why) = match kind {
        "IPv4" => (parsed.is_ok_and(|ip| ip.is_ipv4()), "must be a valid IPv4 address"),
        "IPv6" => (parsed.is_ok_and(|ip| ip.is_ipv6()), "must be a valid IPv6 address"),
        "FQDN" => return named(errors, path, text, names::dns_subdomain),
        _ => return,
    };
    errors.require(fits, || FieldError::invalid(path, text, why));
}
