//! Defaults of containers: pull policy, ports, probes, resources.

use serde_json::{Value, json};

use super::canonical_quantities;
use crate::value::{child, existing, fill, fill_number, items, text};

/// The defaults of one container.
pub fn defaults(container: &mut Value) {
    let policy = pull_policy(text(container, "/image").unwrap_or_default());
    fill(container, "imagePullPolicy", policy);
    fill(container, "terminationMessagePath", "/dev/termination-log");
    fill(container, "terminationMessagePolicy", "File");
    fill(container, "resources", json!({}));
    resources(container);
    items(container, "ports").for_each(|port| fill(port, "protocol", "TCP"));
    for env in items(container, "env") {
        if let Some(field) = existing(env, "valueFrom").and_then(|from| existing(from, "fieldRef")) {
            fill(field, "apiVersion", "v1");
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(found) = existing(container, name) {
            probe(found);
        }
    }
    for hook in ["postStart", "preStop"] {
        if let Some(get) =
            existing(container, "lifecycle").and_then(|l| existing(l, hook)).and_then(|h| existing(h, "httpGet"))
        {
            http_get(get);
        }
    }
}

/// A request that is not set is its limit.
pub fn requests_from_limits(container: &mut Value) {
    let Some(resources) = existing(container, "resources") else { return };
    let Some(limits) = resources.get("limits").and_then(Value::as_object).filter(|l| !l.is_empty()).cloned() else {
        return;
    };
    let Some(requests) = child(resources, "requests") else { return };
    for (name, limit) in limits {
        fill(requests, &name, limit);
    }
}

/// On the host's network, a container's port is the host's.
pub fn host_ports(container: &mut Value) {
    for port in items(container, "ports") {
        if let Some(number) = port.get("containerPort").and_then(Value::as_i64) {
            fill_number(port, "hostPort", number);
        }
    }
}

fn resources(container: &mut Value) {
    let Some(resources) = existing(container, "resources") else { return };
    for list in ["limits", "requests"] {
        if let Some(list) = existing(resources, list) {
            canonical_quantities(list);
        }
    }
}

fn probe(probe: &mut Value) {
    fill_number(probe, "timeoutSeconds", 1);
    fill_number(probe, "periodSeconds", 10);
    fill_number(probe, "successThreshold", 1);
    fill_number(probe, "failureThreshold", 3);
    if let Some(get) = existing(probe, "httpGet") {
        http_get(get);
    }
    if let Some(grpc) = existing(probe, "grpc") {
        fill(grpc, "service", "");
    }
}

fn http_get(get: &mut Value) {
    fill(get, "path", "/");
    fill(get, "scheme", "HTTP");
}

/// `:latest`, also when no tag says so, may change and is pulled always; all else is pulled when it is not there.
fn pull_policy(image: &str) -> &'static str {
    let pinned = image.contains('@');
    let name = image.rsplit('/').next().unwrap_or_default();
    let tag = name.split_once(':').map_or("latest", |(_, tag)| tag);
    if !pinned && tag == "latest" { "Always" } else { "IfNotPresent" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_latest_is_always_pulled() {
        let cases = [
            ("shop", "Always"),
            ("shop:latest", "Always"),
            ("shop:1.2", "IfNotPresent"),
            ("registry:5000/shop", "Always"),
            ("registry:5000/shop:1", "IfNotPresent"),
            ("shop@sha256:00", "IfNotPresent"),
        ];
        for (image, expect) in cases {
            assert_eq!(pull_policy(image), expect, "{image}");
        }
    }

    #[test]
    fn requests_default_to_limits() {
        let mut container =
            json!({ "resources": { "limits": { "cpu": "1", "memory": "1Gi" }, "requests": { "cpu": "500m" } } });
        requests_from_limits(&mut container);
        assert_eq!(container["resources"]["requests"], json!({ "cpu": "500m", "memory": "1Gi" }));
    }
}
