//! What a server says that it serves, brought into the form of aggregated discovery.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use xebec_api::value;

/// The resources of an APIResourceList, in the form in which aggregated discovery lists them. `None` when it is no such list.
pub(super) fn of_list(list: &Value, group: &str, version: &str) -> Option<Vec<Value>> {
    if value::text(list, "/kind")? != "APIResourceList" {
        return None;
    }
    let all = value::list(list, "/resources");
    let mut subresources: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for resource in all {
        if let Some((parent, name)) = name(resource).split_once('/') {
            let mut entry = common(resource, group, version);
            entry.insert("subresource".into(), json!(name));
            subresources.entry(parent).or_default().push(entry.into());
        }
    }
    let resources = all.iter().filter(|resource| !name(resource).is_empty() && !name(resource).contains('/'));
    let resources = resources.map(|resource| {
        let mut entry = whole(resource, group, version);
        if let Some(parts) = subresources.get(name(resource)) {
            entry.insert("subresources".into(), json!(parts));
        }
        entry.into()
    });
    Some(resources.collect())
}

fn name(resource: &Value) -> &str {
    value::text(resource, "/name").unwrap_or_default()
}

fn whole(resource: &Value, group: &str, version: &str) -> Map<String, Value> {
    let mut entry = common(resource, group, version);
    let scope = if resource["namespaced"] == true { "Namespaced" } else { "Cluster" };
    entry.insert("resource".into(), json!(name(resource)));
    entry.insert("scope".into(), json!(scope));
    entry.insert("singularResource".into(), json!(value::text(resource, "/singularName").unwrap_or_default()));
    for field in ["shortNames", "categories"] {
        let words = value::list(resource, &format!("/{field}"));
        if !words.is_empty() {
            entry.insert(field.into(), json!(words));
        }
    }
    entry
}

fn common(resource: &Value, group: &str, version: &str) -> Map<String, Value> {
    let or = |field: &str, other: &str| {
        let own = value::text(resource, &format!("/{field}")).filter(|text| !text.is_empty());
        own.unwrap_or(other).to_owned()
    };
    let kind = json!({"group": or("group", group), "version": or("version", version), "kind": or("kind", "")});
    Map::from_iter([("responseKind".to_owned(), kind), ("verbs".to_owned(), json!(value::list(resource, "/verbs")))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_with_what_they_are_parts_of() {
        let list = json!({"kind": "APIResourceList", "resources": [
            {"name": "nodes", "singularName": "", "namespaced": false, "kind": "NodeMetrics", "verbs": ["get", "list"]},
            {"name": "nodes/scale", "namespaced": false, "group": "autoscaling", "version": "v1", "kind": "Scale", "verbs": ["get"]},
            {"name": "pods", "namespaced": true, "kind": "PodMetrics", "verbs": ["get"], "shortNames": ["pm"]},
        ]});
        let scale = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
        let of = |kind: &str| json!({"group": "metrics.k8s.io", "version": "v1beta1", "kind": kind});
        let expected = [
            json!({
                "resource": "nodes", "scope": "Cluster", "singularResource": "", "responseKind": of("NodeMetrics"),
                "verbs": ["get", "list"],
                "subresources": [{"subresource": "scale", "responseKind": scale, "verbs": ["get"]}],
            }),
            json!({
                "resource": "pods", "scope": "Namespaced", "singularResource": "", "responseKind": of("PodMetrics"),
                "verbs": ["get"], "shortNames": ["pm"],
            }),
        ];
        assert_eq!(of_list(&list, "metrics.k8s.io", "v1beta1").unwrap(), expected);
        assert_eq!(of_list(&json!({"kind": "Status"}), "a", "b"), None);
    }
}
