//! RBAC as tables: bindings on one side, requests and answers on the other.

use serde_json::{Value, json};

use super::super::testing::ask;
use super::*;

fn decode<T: serde::de::DeserializeOwned>(values: &[Value]) -> Vec<T> {
    values.iter().map(|value| serde_json::from_value(value.clone()).unwrap()).collect()
}

fn cluster_role(name: &str, rules: Value) -> Value {
    json!({"metadata": {"name": name}, "rules": rules})
}

fn bind(namespace: Option<&str>, kind: &str, role: &str, subjects: Value) -> Value {
    let group = "rbac.authorization.k8s.io";
    json!({
        "metadata": {"name": "b", "namespace": namespace},
        "roleRef": {"apiGroup": group, "kind": kind, "name": role},
        "subjects": subjects,
    })
}

fn grants() -> Grants {
    let reader = json!([{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]}]);
    let one = json!([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["*"], "resourceNames": ["till"]}]);
    let all = json!([
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]}
    ]);
    let scaler = json!([{"apiGroups": ["apps"], "resources": ["*/scale"], "verbs": ["patch"]}]);
    let paths = json!([{"nonResourceURLs": ["/api", "/api/*"], "verbs": ["get"]}]);
    let local = json!({
        "metadata": {"name": "reader", "namespace": "shop"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
    });
    let roles = Roles::new(
        decode(&[local]),
        decode(&[
            cluster_role("reader", reader),
            cluster_role("one", one),
            cluster_role("all", all),
            cluster_role("scaler", scaler),
            cluster_role("paths", paths),
        ]),
    );
    Grants::new(
        &roles,
        decode(&[
            bind(Some("shop"), "ClusterRole", "reader", json!([{"kind": "User", "name": "jane"}])),
            bind(Some("shop"), "Role", "reader", json!([{"kind": "ServiceAccount", "name": "till"}])),
            bind(Some("shop"), "ClusterRole", "one", json!([{"kind": "Group", "name": "dev"}])),
            bind(Some("shop"), "ClusterRole", "absent", json!([{"kind": "User", "name": "jane"}])),
            bind(Some("bank"), "Role", "reader", json!([{"kind": "User", "name": "jane"}])),
        ]),
        decode(&[
            bind(None, "ClusterRole", "all", json!([{"kind": "Group", "name": "ops"}])),
            bind(None, "ClusterRole", "scaler", json!([{"kind": "User", "name": "auto"}])),
            bind(None, "ClusterRole", "paths", json!([{"kind": "Group", "name": "system:authenticated"}])),
            bind(None, "Role", "reader", json!([{"kind": "User", "name": "auto"}])),
        ]),
    )
}

fn check(request: &str, expect: bool) {
    let allowed = ask(request, |question| grants().allow(question));
    assert_eq!(allowed, expect, "{request}");
}

#[test]
fn nobody_may_do_anything_by_default() {
    check("joe get core/pods shop", false);
    check("joe list core/namespaces", false);
    check("joe get /metrics", false);
}

#[test]
fn a_role_binding_grants_in_its_namespace_only() {
    check("jane get core/pods shop till-0", true);
    check("jane list core/pods shop", true);
    check("jane get core/pods/log shop till-0", true);
    check("jane get core/pods/exec shop till-0", false);
    check("jane delete core/pods shop till-0", false);
    check("jane get apps/pods shop", false);
    check("jane list core/pods -", false);
    check("jane list core/pods bank", false);
    check("jane get core/configmaps bank", false);
}

#[test]
fn service_accounts_default_to_the_namespace_of_the_binding() {
    check("system:serviceaccount:shop:till get core/configmaps shop c", true);
    check("system:serviceaccount:bank:till get core/configmaps shop c", false);
}

#[test]
fn resource_names_need_a_name() {
    check("x+dev update apps/deployments shop till", true);
    check("x+dev update apps/deployments shop other", false);
    check("x+dev list apps/deployments shop", false);
}

#[test]
fn stars_cover_everything_and_subresource_stars_only_that() {
    check("x+ops delete apps/deployments/status any thing", true);
    check("x+ops get /metrics", true);
    check("auto patch apps/deployments/scale shop till", true);
    check("auto patch apps/deployments shop till", false);
    check("auto patch core/pods/scale shop till", false);
}

#[test]
fn a_cluster_role_binding_cannot_refer_to_a_role() {
    check("auto get core/configmaps shop c", false);
}

#[test]
fn paths_match_whole_or_by_their_beginning() {
    check("joe get /api", true);
    check("joe get /api/v1", true);
    check("joe get /apis", false);
    check("joe post /api", false);
}
