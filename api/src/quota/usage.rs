//! What an object counts for, by the names that quotas use.

use serde_json::Value;

use crate::Kind;
use crate::amounts::{self, Amounts};
use crate::quantity::Quantity;
use crate::value::{list, text};

/// Kinds that have a name of their own beside `count/<resource>`, and count for nothing else.
const NAMED: [&str; 5] = ["configmaps", "limitranges", "replicationcontrollers", "resourcequotas", "secrets"];

/// What the object uses of every resource that a quota could bound.
pub fn of(kind: &Kind, object: &Value) -> Amounts {
    let mut used = Amounts::from([(format!("count/{}", kind.resource()), one())]);
    match (kind.group, kind.plural) {
        ("", "pods") => pod(object, &mut used),
        ("", "services") => service(object, &mut used),
        ("", "persistentvolumeclaims") => claim(object, &mut used),
        ("", plural) if NAMED.contains(&plural) => drop(used.insert(plural.to_owned(), one())),
        _ => {}
    }
    used
}

fn one() -> Quantity {
    Quantity::whole(1)
}

/// Whether the pod has come to its end, and uses nothing but its place in the store.
pub fn is_over(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), Some("Succeeded" | "Failed"))
}

fn pod(pod: &Value, used: &mut Amounts) {
    if is_over(pod) {
        return;
    }
    used.insert("pods".to_owned(), one());
    for (name, amount) in amounts::of_pod(pod, "requests") {
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-") {
            used.insert(name.clone(), amount);
        }
        used.insert(format!("requests.{name}"), amount);
    }
    for (name, amount) in amounts::of_pod(pod, "limits") {
        used.insert(format!("limits.{name}"), amount);
    }
}

fn service(service: &Value, used: &mut Amounts) {
    let count = |what: usize| Quantity::whole(i64::try_from(what).unwrap_or(i64::MAX));
    let ports = list(service, "/spec/ports");
    let balanced = text(service, "/spec/type") == Some("LoadBalancer");
    let node_ports = match text(service, "/spec/type") {
        Some("NodePort") => ports.len(),
        Some("LoadBalancer") => ports.iter().filter(|port| port["nodePort"].as_i64().unwrap_or(0) > 0).count(),
        _ => 0,
    };
    used.insert("services".to_owned(), one());
    used.insert("services.loadbalancers".to_owned(), count(usize::from(balanced)));
    used.insert("services.nodeports".to_owned(), count(node_ports));
}

fn claim(claim: &Value, used: &mut Amounts) {
    let storage = amounts::at(claim, "/spec/resources/requests").remove("storage");
    let class = text(claim, "/spec/storageClassName");
    let prefixes =
        std::iter::once(String::new()).chain(class.map(|class| format!("{class}.storageclass.storage.k8s.io/")));
    for prefix in prefixes {
        used.insert(format!("{prefix}persistentvolumeclaims"), one());
        if let Some(storage) = storage {
            used.insert(format!("{prefix}requests.storage"), storage);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(plural: &str, object: Value, expect: &[&str]) {
        let used = of(crate::resolve(plural).unwrap(), &object);
        let told: Vec<String> = used.iter().map(|(name, amount)| format!("{name}={amount}")).collect();
        assert_eq!(told, expect);
    }

    #[test]
    fn a_pod_counts_until_it_is_over() {
        let resources = json!({"requests": {"cpu": "1", "vendor.example/gpu": "2"}, "limits": {"cpu": "2"}});
        let mut pod = json!({"spec": {"containers": [{"resources": resources}]}});
        let expect =
            ["count/pods=1", "cpu=1", "limits.cpu=2", "pods=1", "requests.cpu=1", "requests.vendor.example/gpu=2"];
        check("pods", pod.clone(), &expect);
        pod["status"]["phase"] = json!("Succeeded");
        check("pods", pod, &["count/pods=1"]);
    }

    #[test]
    fn services_count_by_what_they_open() {
        let balancer = json!({"spec": {"type": "LoadBalancer", "ports": [{"nodePort": 30000}, {}]}});
        check(
            "services",
            balancer,
            &["count/services=1", "services=1", "services.loadbalancers=1", "services.nodeports=1"],
        );
    }

    #[test]
    fn everything_can_be_counted() {
        check("deployments", json!({}), &["count/deployments.apps=1"]);
        check("secrets", json!({}), &["count/secrets=1", "secrets=1"]);
    }
}
