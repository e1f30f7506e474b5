//! The quality of service class of a pod, which follows from its requests and limits.
//!
//! `Guaranteed`: every container limits CPU and memory and requests just that. `BestEffort`: no container asks for either.
//! `Burstable`: all else. Node pressure and the kernel's OOM killer end pods in the order BestEffort, Burstable, Guaranteed.

use serde_json::Value;

use crate::quantity::Quantity;
use crate::value::{list, text};

const RESOURCES: [&str; 2] = ["cpu", "memory"];

/// The class of a pod whose defaults are filled in.
pub fn class(pod: &Value) -> &'static str {
    let containers = || list(pod, "/spec/containers").iter().chain(list(pod, "/spec/initContainers"));
    let asks = |container: &Value| {
        RESOURCES.iter().any(|r| amount(container, "limits", r).is_some() || amount(container, "requests", r).is_some())
    };
    let exact = |container: &Value| {
        RESOURCES.iter().all(|r| {
            let limit = amount(container, "limits", r);
            limit.is_some() && limit == amount(container, "requests", r)
        })
    };
    if !containers().any(asks) {
        "BestEffort"
    } else if containers().all(exact) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

fn amount(container: &Value, of: &str, resource: &str) -> Option<Quantity> {
    let found = text(container, &format!("/resources/{of}/{resource}"))?;
    Quantity::parse(found).ok().filter(|quantity| !quantity.is_zero())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(resources: Value) -> Value {
        json!({ "spec": { "containers": [{ "name": "c", "resources": resources }] } })
    }

    #[test]
    fn the_class_follows_from_requests_and_limits() {
        assert_eq!(class(&pod(json!({}))), "BestEffort");
        assert_eq!(class(&pod(json!({ "requests": { "cpu": "1" } }))), "Burstable");
        let all = json!({ "cpu": "1", "memory": "1Gi" });
        assert_eq!(class(&pod(json!({ "requests": all, "limits": all }))), "Guaranteed");
        let half = json!({ "cpu": "500m", "memory": "1Gi" });
        assert_eq!(class(&pod(json!({ "requests": half, "limits": all }))), "Burstable");
    }
}
