//! EndpointSlice: the addresses behind a service.

use jiff::Timestamp;
use serde_json::Value;

use super::{Kind, Strategy};
use crate::table::{Column, cells};
use crate::validation::ports::PROTOCOLS;
use crate::validation::rule::Rule;
use crate::value::{list, number};
use crate::{FieldErrors, names, validation};

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
    rules: &[
        Rule::required("addressType"),
        Rule::one_of("addressType", &["FQDN", "IPv4", "IPv6"]),
        Rule::at_most("endpoints", 1_000),
        Rule::required("endpoints[].addresses"),
        Rule::at_most("endpoints[].addresses", 100),
        Rule::named("endpoints[].nodeName", names::dns_subdomain),
        Rule::named("endpoints[].zone", names::label_value),
        Rule::named("endpoints[].hostname", names::dns_label),
        Rule::at_most("ports", 100),
        Rule::named("ports[].name", names::dns_label),
        Rule::one_of("ports[].protocol", &PROTOCOLS),
        Rule::within("ports[].port", 1, 65_535),
        Rule::immutable("addressType"),
    ],
    strategy: &EndpointSliceStrategy,
    ..Kind::BASE
};

fn ports(slice: &Value, _: Timestamp) -> Value {
    let port = |p: &Value| number(p, "/port").map_or_else(|| "*".to_owned(), |n| n.to_string());
    let texts: Vec<String> = list(slice, "/ports").iter().map(port).collect();
    if texts.is_empty() { "<unset>".into() } else { cells::first_three(&texts) }
}

fn endpoints(slice: &Value, _: Timestamp) -> Value {
    let all = list(slice, "/endpoints").iter().flat_map(|e| list(e, "/addresses"));
    let texts: Vec<String> = all.filter_map(Value::as_str).map(str::to_owned).collect();
    if texts.is_empty() { "<unset>".into() } else { cells::first_three(&texts) }
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

    fn validate(&self, slice: &Value) -> FieldErrors {
        validation::endpoint_slice::validate(slice)
    }
}
