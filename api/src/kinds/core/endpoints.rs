//! Endpoints: the addresses behind a service, in the form that EndpointSlices have replaced.

use jiff::Timestamp;
use serde_json::Value;

use crate::defaults::Fill;
use crate::kinds::Kind;
use crate::names;
use crate::table::{Column, cells};
use crate::validation::ports::PROTOCOLS;
use crate::validation::rule::Rule;
use crate::value::{list, number, text};

/// Endpoints.
pub static ENDPOINTS: Kind = Kind {
    kind: "Endpoints",
    plural: "endpoints",
    singular: "endpoints",
    short_names: &["ep"],
    columns: &[Column::NAME, Column::text("Endpoints", "The addresses with their ports.", endpoints), Column::AGE],
    defaults: &[Fill::text("subsets[].ports[].protocol", "TCP")],
    rules: &[
        Rule::required("subsets[].addresses[].ip"),
        Rule::named("subsets[].addresses[].ip", names::ip_address),
        Rule::required("subsets[].notReadyAddresses[].ip"),
        Rule::named("subsets[].notReadyAddresses[].ip", names::ip_address),
        Rule::within("subsets[].ports[].port", 1, 65535),
        Rule::named("subsets[].ports[].name", names::dns_label),
        Rule::one_of("subsets[].ports[].protocol", &PROTOCOLS),
    ],
    ..Kind::BASE
};

/// Each ready address with each port of its subset.
fn endpoints(object: &Value, _: Timestamp) -> Value {
    let mut texts = Vec::new();
    for subset in list(object, "/subsets") {
        let hosts = list(subset, "/addresses").iter().filter_map(|address| text(address, "/ip"));
        let ports: Vec<i64> = list(subset, "/ports").iter().filter_map(|port| number(port, "/port")).collect();
        for host in hosts {
            match ports.as_slice() {
                [] => texts.push(host.to_owned()),
                ports => texts.extend(ports.iter().map(|port| with_port(host, *port))),
            }
        }
    }
    cells::first_three(&texts)
}

fn with_port(host: &str, port: i64) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
