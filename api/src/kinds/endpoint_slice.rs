//! EndpointSlice: the addresses behind a service.

use jiff::Timestamp;
use serde_json::Value;

use super::{Kind, Strategy};
use crate::table::{Column, cells};
use crate::value::{list, number, text};

/// EndpointSlice.
pub static ENDPOINT_SLICE: Kind = Kind {
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
    plural: "endpointslices",
    singular: "endpointslice",
    generation: true,
    columns: &[
        Column::NAME,
        Column::text("AddressType", "What kind of addresses these are.", |o, _| cells::or_none(o, "/addressType")),
        Column::text("Ports", "The ports of the endpoints.", ports),
        Column::text("Endpoints", "The addresses.", endpoints),
        Column::AGE,
    ],
    strategy: &EndpointSliceStrategy,
    ..Kind::BASE
};

fn ports(slice: &Value, _: Timestamp) -> Value {
    let port = |p: &Value| number(p, "/port").map_or_else(|| "*".to_owned(), |n| n.to_string());
    let texts: Vec<String> = list(slice, "/ports").iter().map(port).collect();
    if texts.is_empty() { "<unset>".into() } else { cells::first_three(&texts, ",") }
}

fn endpoints(slice: &Value, _: Timestamp) -> Value {
    let all = list(slice, "/endpoints").iter().flat_map(|e| list(e, "/addresses"));
    let texts: Vec<String> = all.filter_map(Value::as_str).map(str::to_owned).collect();
    if texts.is_empty() { "<unset>".into() } else { cells::first_three(&texts, ",") }
}

struct EndpointSliceStrategy;

impl Strategy for EndpointSliceStrategy {
    fn default(&self, slice: &mut Value) {
        for port in crate::value::items(slice, "ports") {
            crate::value::fill(port, "name", "");
            crate::value::fill(port, "protocol", "TCP");
        }
    }

    fn wants_changed(&self, new: &Value, old: &Value) -> bool {
        let labels = |o: &Value| o.pointer("/metadata/labels").cloned();
        labels(new) != labels(old)
    }

    fn validate(&self, slice: &Value) -> crate::FieldErrors {
        let path = crate::FieldPath::new("addressType");
        let mut errors = crate::FieldErrors::new();
        match text(slice, "/addressType") {
            None => errors.push(crate::FieldError::required(&path, "")),
            Some("IPv4" | "IPv6" | "FQDN") => {}
            Some(other) => errors.push(crate::FieldError::not_supported(&path, other, &["FQDN", "IPv4", "IPv6"])),
        }
        errors
    }
}
