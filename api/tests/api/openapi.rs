//! What the OpenAPI documents say is whole and true.

use std::collections::BTreeSet;

use serde_json::Value;
use xebec_api::openapi;

/// All references anywhere in a value.
fn references<'a>(value: &'a Value, out: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => {
            out.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|inner| references(inner, out));
        }
        Value::Array(items) => items.iter().for_each(|inner| references(inner, out)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_type_is_referred_to() {
    for (group, version) in openapi::versions() {
        let document = openapi::document(group, version).expect("a document");
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        let there: BTreeSet<String> = schemas.keys().map(|name| format!("#/components/schemas/{name}")).collect();
        let there: BTreeSet<&str> = there.iter().map(String::as_str).collect();
        assert_eq!(found, there, "{group}/{version}");
    }
    assert_eq!(openapi::document("none", "v1"), None);
}

#[test]
fn every_kind_has_operations() {
    for kind in xebec_api::kinds() {
        let document = openapi::document(kind.group, kind.version).expect("a document");
        let namespace = if kind.is_namespaced() { "/namespaces/{namespace}" } else { "" };
        let collection = format!("/{}{namespace}/{}", openapi::place(kind.group, kind.version), kind.plural);
        let path = format!("{collection}/{{name}}");
        if !kind.is_stored() {
            assert!(document["paths"].get(&path).is_none(), "{path}");
            let methods = document["paths"][&collection].as_object().expect("methods").keys();
            assert_eq!(methods.filter(|key| *key != "parameters").collect::<Vec<_>>(), ["post"], "{collection}");
            continue;
        }
        let patch = &document["paths"][&path]["patch"];
        assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], kind.kind, "{path}");
        assert!(patch["parameters"].to_string().contains("fieldValidation"), "{path}");
    }
}

#[test]
fn properties_tell_all_that_clients_need() {
    let document = openapi::document("", "v1").expect("a document");
    let schemas = &document["components"]["schemas"];
    let containers = &schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
    let expected = serde_json::json!({
        "description": containers["description"], "type": "array",
        "items": {"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"},
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name",
    });
    assert_eq!(*containers, expected);
    assert!(containers["description"].as_str().expect("words").starts_with("List of containers belonging to the pod."));
    let volumes = &schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["volumes"];
    assert_eq!(volumes["x-kubernetes-patch-strategy"], "merge,retainKeys");
    let ports = &schemas["io.k8s.api.core.v1.ServiceSpec"]["properties"]["ports"];
    assert_eq!(ports["x-kubernetes-list-map-keys"], serde_json::json!(["port", "protocol"]));
    assert_eq!(ports["x-kubernetes-patch-merge-key"], "port");
    assert_eq!(schemas["io.k8s.api.core.v1.SecretKeySelector"]["x-kubernetes-map-type"], "atomic");
}
