//! Service: one stable address in front of pods.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::defaults::Fill;
use crate::field::FieldErrors;
use crate::kinds::{Kind, Strategy, Subresource};
use crate::table::{Column, cells};
use crate::validation::rule::Rule;
use crate::value::{self, list, number, text};
use crate::{names, validation};

/// Service.
pub static SERVICE: Kind = Kind {
    kind: "Service",
    plural: "services",
    singular: "service",
    short_names: &["svc"],
    categories: &["all"],
    subresources: &[Subresource::Status, Subresource::Proxy],
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
    defaults: &[Fill::text("spec.type", "ClusterIP"), Fill::text("spec.sessionAffinity", "None")],
    rules: &[
        Rule::one_of("spec.ipFamilyPolicy", &["PreferDualStack", "RequireDualStack", "SingleStack"]),
        Rule::at_most("spec.ipFamilies", 2),
        Rule::one_of("spec.ipFamilies[]", &["IPv4", "IPv6"]),
        Rule::one_of("spec.trafficDistribution", &["PreferClose", "PreferSameNode", "PreferSameZone"]),
        Rule::named("spec.loadBalancerClass", names::qualified_name),
        Rule::within("spec.healthCheckNodePort", 1, 65_535),
    ],
    strategy: &ServiceStrategy,
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

/// The cluster address itself is allocated by the registry: it needs to know which are taken.
struct ServiceStrategy;

impl Strategy for ServiceStrategy {
    fn default(&self, service: &mut Value) {
        let Some(spec) = value::child(service, "spec") else { return };
        traffic_defaults(spec);
        value::items(spec, "ports").for_each(port_defaults);
    }

    fn prepare_create(&self, service: &mut Value) {
        service["status"] = json!({ "loadBalancer": {} });
        let Some(spec) = value::child(service, "spec") else { return };
        if spec["type"] != "ExternalName" {
            value::fill(spec, "ipFamilies", json!(["IPv4"]));
            value::fill(spec, "ipFamilyPolicy", "SingleStack");
        }
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        let Some(spec) = value::child(new, "spec") else { return };
        drop_what_the_type_lost(spec, &old["spec"]);
        let external = |spec: &Value| text(spec, "/type") == Some("ExternalName");
        if external(spec) || external(&old["spec"]) {
            return;
        }
        for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if let Some(before) = old.pointer(&format!("/spec/{key}")) {
                value::fill(spec, key, before.clone());
            }
        }
        keep_node_ports(spec, old);
    }

    fn validate(&self, service: &Value) -> FieldErrors {
        validation::typed(service, validation::service::validate)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::service::validate_update(new, old)
    }
}

fn port_defaults(port: &mut Value) {
    value::fill(port, "protocol", "TCP");
    let unset = port.get("targetPort").is_none_or(|target| value::is_unset(target) || *target == 0);
    if let Some(number) = port.get("port").filter(|_| unset).cloned() {
        port["targetPort"] = number;
    }
}

/// Whether services of the type have a port on each node.
fn has_node_ports(spec: &Value) -> bool {
    matches!(text(spec, "/type"), Some("NodePort" | "LoadBalancer"))
}

/// A client that changes only the type leaves fields behind that the new type does not have. Those that it did not change
/// go; those that it did change stay, for validation to refuse.
fn drop_what_the_type_lost(spec: &mut Value, old: &Value) {
    const ADDRESSES: [&str; 5] = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"];
    let is = |spec: &Value, word: &str| text(spec, "/type") == Some(word);
    if is(spec, "ExternalName") && !is(old, "ExternalName") {
        drop_unchanged(spec, old, &ADDRESSES);
    }
    if has_node_ports(old) && !has_node_ports(spec) {
        drop_unchanged(spec, old, &["externalTrafficPolicy"]);
        for port in value::items(spec, "ports") {
            let before = list(old, "/ports").iter().find(|p| same_port(p, port));
            drop_unchanged(port, before.unwrap_or(&Value::Null), &["nodePort"]);
        }
    }
    if is(old, "LoadBalancer") && !is(spec, "LoadBalancer") {
        drop_unchanged(spec, old, &["allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort"]);
    }
}

fn drop_unchanged(new: &mut Value, old: &Value, keys: &[&str]) {
    for key in keys.iter().filter(|key| new.get(**key) == old.get(**key)).copied().collect::<Vec<_>>() {
        new.as_object_mut().and_then(|map| map.remove(key));
    }
}

fn same_port(a: &Value, b: &Value) -> bool {
    a.get("port") == b.get("port") && a.get("protocol") == b.get("protocol")
}

fn traffic_defaults(spec: &mut Value) {
    let by_client = spec["sessionAffinity"] == "ClientIP";
    let config = by_client.then(|| value::child(spec, "sessionAffinityConfig")).flatten();
    if let Some(client) = config.and_then(|config| value::child(config, "clientIP")) {
        value::fill(client, "timeoutSeconds", 10_800);
    }
    let kind = text(spec, "/type").map(str::to_owned);
    if kind.as_deref() != Some("ExternalName") {
        value::fill(spec, "internalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_deref(), Some("NodePort" | "LoadBalancer")) {
        value::fill(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind.as_deref() == Some("LoadBalancer") {
        value::fill(spec, "allocateLoadBalancerNodePorts", true);
    }
}

/// A port that an update leaves without a node port keeps the one it had, while the service is still of a type with such.
fn keep_node_ports(spec: &mut Value, old: &Value) {
    if !has_node_ports(spec) {
        return;
    }
    for port in value::items(spec, "ports") {
        let before = list(old, "/spec/ports").iter().find(|p| same_port(p, port)).and_then(|p| number(p, "/nodePort"));
        if let Some(before) = before {
            value::fill_number(port, "nodePort", before);
        }
    }
}
