//! The objects of [`super::leader_objects`], as plain values.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};
use xebec_api::validation::priority_class::SYSTEM;
use xebec_proto::endpoint::Endpoint;

use crate::authz::defaults;
use crate::fairness::defaults as fairness;

const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];
/// Says who keeps an EndpointSlice.
pub(super) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// We do.
pub(super) const MANAGER: &str = "masters.xebec.dev";

/// Everything but the Service's endpoints. Roles come first: with the first namespace, controllers have work to do.
pub(super) fn all(kubernetes_address: &str, service_cidr: &str) -> Vec<Value> {
    let mut objects = defaults::objects();
    objects.extend(SYSTEM.map(priority_class));
    objects.push(service_range(service_cidr));
    objects.extend(NAMESPACES.map(namespace));
    objects.extend(defaults::namespaced());
    objects.push(kubernetes_service(kubernetes_address));
    objects.extend(fairness::schemas().into_iter().chain(fairness::levels()));
    objects
}

/// Where the `kubernetes` Service leads: the masters with an IP address, one slice for each port that they use.
pub(super) fn kubernetes_slices(masters: &[String]) -> Vec<Value> {
    let mut by_port: BTreeMap<(bool, u16), Vec<Value>> = BTreeMap::new();
    for endpoint in masters.iter().filter_map(|master| master.parse::<Endpoint>().ok()) {
        let Ok(address) = endpoint.host().parse::<IpAddr>() else { continue };
        let entry = json!({"addresses": [address.to_string()], "conditions": {"ready": true, "serving": true, "terminating": false}});
        by_port.entry((address.is_ipv6(), endpoint.port())).or_default().push(entry);
    }
    by_port.into_iter().map(|((is_v6, port), endpoints)| slice(is_v6, port, &endpoints)).collect()
}

fn slice(is_v6: bool, port: u16, endpoints: &[Value]) -> Value {
    let family = if is_v6 { "ipv6" } else { "ipv4" };
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": format!("kubernetes-{family}-{port}"),
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes", MANAGED_BY: MANAGER},
        },
        "addressType": if is_v6 { "IPv6" } else { "IPv4" },
        "endpoints": endpoints,
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    })
}

fn priority_class((name, value): (&str, i64)) -> Value {
    let subject = if name == "system-node-critical" {
        "must not be moved from their current node"
    } else {
        "must run in the cluster"
    };
    let description = format!("Used for system critical pods that {subject}.");
    json!({
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
        "description": description,
    })
}

/// The range that services take their addresses from, which is every master's to know.
fn service_range(cidr: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": [cidr]},
    })
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn kubernetes_service(address: &str) -> Value {
    let labels = json!({"component": "apiserver", "provider": "kubernetes"});
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": address,
            "ports": [{"name": "https", "port": 443, "targetPort": 6443, "protocol": "TCP"}],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_valid_object() {
        for mut object in
            all("10.43.0.1", "10.43.0.0/16").into_iter().chain(kubernetes_slices(&["10.0.0.1:6443".into()]))
        {
            let (version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
            let kind = xebec_api::kinds::find_api_version(version, kind).unwrap();
            assert_eq!(kind.check_schema(&object).unwrap().len(), 0, "{object}");
            kind.apply_defaults(&mut object);
            assert!(kind.validate_create(&object).is_empty(), "{object}: {:?}", kind.validate_create(&object));
        }
    }

    #[test]
    fn the_service_leads_to_every_master_by_port() {
        let masters = ["10.0.0.1:6443", "10.0.0.2:6443", "10.0.0.3:7443", "m4.example:6443"].map(str::to_owned);
        let slices = kubernetes_slices(&masters);
        let shape = |slice: &Value| (slice["metadata"]["name"].clone(), slice["endpoints"].as_array().unwrap().len());
        let shapes: Vec<_> = slices.iter().map(shape).collect();
        assert_eq!(shapes, [(json!("kubernetes-ipv4-6443"), 2), (json!("kubernetes-ipv4-7443"), 1)]);
        assert_eq!(kubernetes_slices(&[]), Vec::<Value>::new());
    }
}
