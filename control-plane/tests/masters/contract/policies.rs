//! Admission policies and rules of custom kinds: expressions that both faces are held to.

use serde_json::{Value, json};

use super::ask::*;
use super::objects::config_map;

const fn cluster(version: &'static str, plural: &'static str) -> Resource {
    Resource { group: "admissionregistration.k8s.io", version, plural, namespaced: false }
}

const POLICIES: Resource = cluster("v1", "validatingadmissionpolicies");
const BINDINGS: Resource = cluster("v1", "validatingadmissionpolicybindings");
const CHANGERS: Resource = cluster("v1beta1", "mutatingadmissionpolicies");
const CHANGER_BINDINGS: Resource = cluster("v1beta1", "mutatingadmissionpolicybindings");

/// Policies about ConfigMaps of the face's namespace, from coming into force to being taken away.
pub(super) fn cases() -> Vec<Case> {
    let named = |name: &str, data: Value| json!({"metadata": {"name": name}, "data": data});
    vec![
        create(POLICIES, policy("broken", json!({"validations": [{"expression": "object.data.size( > 1"}]})))
            .refused(422, "Invalid")
            .field("spec.validations[0].expression")
            .says("compilation failed: ERROR: <input>:1:"),
        create(CHANGERS, policy("broken", json!({"mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "true"}}]})))
            .refused(422, "Invalid")
            .field("spec.mutations[0].jsonPatch.expression"),
        create(POLICIES, policy("few", json!({"validations": [{"expression": "!has(object.data) || size(object.data) < 3", "message": "too much data"}]})))
            .works(),
        create(CONFIG_MAPS, named("p0", json!({"a": "1", "b": "2", "c": "3"}))).works(),
        create(BINDINGS, binding("few", json!({"validationActions": ["Deny"]}))).works(),
        create(CONFIG_MAPS, named("p1", json!({"a": "1", "b": "2", "c": "3"})))
            .refused(422, "Invalid")
            .says("denied request: too much data"),
        create(CONFIG_MAPS, named("p1", json!({"a": "1"}))).works(),
        patch(MERGE, CONFIG_MAPS, "p1", json!({"data": {"b": "2", "c": "3"}})).refused(422, "Invalid").says("too much data"),
        create(CHANGERS, policy("label", json!({"mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {
            "expression": "Object{metadata: Object.metadata{labels: Object.metadata.labels{touched: request.operation}}}"}}]})))
            .works(),
        create(CHANGER_BINDINGS, binding("label", json!({}))).works(),
        create(CONFIG_MAPS, config_map("p2")).works().at("/metadata/labels/touched", "CREATE"),
        patch(MERGE, CONFIG_MAPS, "p2", json!({"data": {"k": "w"}})).works().at("/metadata/labels/touched", "UPDATE"),
        delete(CHANGER_BINDINGS, "{ns}-label").works(),
        delete(BINDINGS, "{ns}-few").works(),
        patch(MERGE, CONFIG_MAPS, "p1", json!({"data": {"b": "2", "c": "3"}})).works(),
    ]
}

/// A policy about ConfigMaps.
fn policy(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    spec["matchConstraints"] = json!({"resourceRules": [
        {"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]},
    ]});
    json!({"metadata": {"name": format!("{{ns}}-{name}")}, "spec": spec})
}

/// Puts it into force in the face's namespace.
fn binding(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    spec["policyName"] = json!(format!("{{ns}}-{name}"));
    spec["matchResources"] = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "{ns}"}}});
    json!({"metadata": {"name": format!("{{ns}}-{name}")}, "spec": spec})
}
