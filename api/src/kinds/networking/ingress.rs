//! Ingress: which requests from outside lead to which services.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kinds::{Kind, Strategy, Subresource};
use crate::table::{Column, cells};
use crate::value::{list, text};
use crate::{FieldErrors, validation};

/// Ingress.
pub static INGRESS: Kind = Kind {
    group: "networking.k8s.io",
    kind: "Ingress",
    plural: "ingresses",
    singular: "ingress",
    short_names: &["ing"],
    subresources: &[Subresource::Status],
    generation: true,
    columns: &[
        Column::NAME,
        Column::text("Class", "Who serves it.", |o, _| cells::or_none(o, "/spec/ingressClassName")),
        Column::text("Hosts", "The hosts that requests name.", hosts),
        Column::text("Address", "Where requests go.", |o, _| json!(addresses(o))),
        Column::text("Ports", "The ports that are open.", |o, _| ports(o)),
        Column::AGE,
    ],
    strategy: &IngressStrategy,
    ..Kind::BASE
};

fn hosts(ingress: &Value, _: Timestamp) -> Value {
    let hosts: Vec<String> =
        list(ingress, "/spec/rules").iter().filter_map(|rule| text(rule, "/host")).map(str::to_owned).collect();
    if hosts.is_empty() { json!("*") } else { cells::first_three(&hosts) }
}

fn addresses(ingress: &Value) -> String {
    let points = list(ingress, "/status/loadBalancer/ingress");
    let mut all: Vec<&str> =
        points.iter().filter_map(|point| text(point, "/ip").or(text(point, "/hostname"))).collect();
    all.sort_unstable();
    all.dedup();
    all.join(",")
}

fn ports(ingress: &Value) -> Value {
    if list(ingress, "/spec/tls").is_empty() { json!("80") } else { json!("80, 443") }
}

struct IngressStrategy;

impl Strategy for IngressStrategy {
    fn validate(&self, ingress: &Value) -> FieldErrors {
        validation::typed(ingress, validation::ingress::validate)
    }
}
