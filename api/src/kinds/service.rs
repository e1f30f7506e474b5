//! Service: one stable address in front of pods.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use super::{Kind, Subresource};
use crate::table::{Column, cells};
use crate::value::{list, number, text};
use crate::{names, patch, schema};

/// Service.
pub static SERVICE: Kind = Kind {
    kind: "Service",
    plural: "services",
    singular: "service",
    short_names: &["svc"],
    categories: &["all"],
    subresources: &[Subresource::Status],
    name_rule: names::dns_1035_label,
    columns: &[
        Column::NAME,
        Column::text("Type", "How the service is reached.", |o, _| json!(text(o, "/spec/type").unwrap_or_default())),
        Column::text("Cluster-IP", "The address within the cluster.", |o, _| cells::or_none(o, "/spec/clusterIP")),
        Column::text("External-IP", "Addresses outside of the cluster.", external_ip),
        Column::text("Port(s)", "The ports, with the node port where there is one.", ports),
        Column::AGE,
        Column::text("Selector", "The labels of the pods behind it.", |o, _| cells::map(o, "/spec/selector")).wide(),
    ],
    selectable: |o| {
        vec![
            ("spec.clusterIP", text(o, "/spec/clusterIP").unwrap_or_default().to_owned()),
            ("spec.type", text(o, "/spec/type").unwrap_or_default().to_owned()),
        ]
    },
    schema: schema::check::<Service>,
    merge: &patch::shapes::SERVICE,
    ..Kind::BASE
};

fn external_ip(service: &Value, _: Timestamp) -> Value {
    let listed = list(service, "/spec/externalIPs").iter().filter_map(Value::as_str);
    let ingress = list(service, "/status/loadBalancer/ingress");
    let balancer = ingress.iter().filter_map(|i| text(i, "/ip").or_else(|| text(i, "/hostname")));
    match text(service, "/spec/type") {
        Some("ExternalName") => cells::or_none(service, "/spec/externalName"),
        Some("LoadBalancer") if ingress.is_empty() && list(service, "/spec/externalIPs").is_empty() => {
            json!("<pending>")
        }
        Some("LoadBalancer") => cells::join(balancer.chain(listed)),
        _ => cells::join(listed),
    }
}

fn ports(service: &Value, _: Timestamp) -> Value {
    let port = |p: &Value| {
        let (number_of, protocol) = (number(p, "/port").unwrap_or(0), text(p, "/protocol").unwrap_or("TCP"));
        match number(p, "/nodePort").filter(|n| *n > 0) {
            Some(node_port) => format!("{number_of}:{node_port}/{protocol}"),
            None => format!("{number_of}/{protocol}"),
        }
    };
    let texts: Vec<String> = list(service, "/spec/ports").iter().map(port).collect();
    cells::join(texts.iter().map(String::as_str))
}
