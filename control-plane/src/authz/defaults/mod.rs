//! The roles and bindings that every cluster has. The leader makes those that are missing, and gives back what is missing in those
//! that are there ([`reconcile`]), unless their annotation `rbac.authorization.kubernetes.io/autoupdate` says `false`.
//!
//! `view`, `edit` and `admin` are aggregated: whoever labels a ClusterRole `…/aggregate-to-view` adds its rules to `view`, and so to
//! the other two.

mod components;
mod people;
pub mod reconcile;

use serde_json::{Value, json};

use super::rbac::GROUP;
use crate::authn::user::{AUTHENTICATED, MASTERS};
use crate::cluster::access;

const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];
const DISCOVERY: [&str; 8] = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", "/version", "/healthz"];
const PUBLIC: [&str; 5] = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
const ISSUER: [&str; 4] =
    ["/.well-known/openid-configuration", "/.well-known/openid-configuration/", "/openid/v1/jwks", "/openid/v1/jwks/"];
const UNAUTHENTICATED: &str = "system:unauthenticated";
const AUTHORIZATION: &str = "authorization.k8s.io";
const AUTHENTICATION: &str = "authentication.k8s.io";

/// All default ClusterRoles, then the ClusterRoleBindings.
pub fn objects() -> Vec<Value> {
    let mut objects = vec![cluster_admin()];
    objects.extend(people::roles());
    objects.extend(everybodys());
    objects.extend(components::roles());
    objects.extend(bindings());
    objects
}

/// Roles and bindings of `kube-system`: servers of aggregated APIs are bound to this role to learn whom to believe.
pub fn namespaced() -> [Value; 2] {
    let reader = "extension-apiserver-authentication-reader";
    let place = |name: &str| {
        let mut metadata = metadata(name);
        metadata["namespace"] = json!("kube-system");
        metadata
    };
    let mut read = rule("", &["configmaps"], &READ);
    read["resourceNames"] = json!(["extension-apiserver-authentication"]);
    let subject = |name: &str| json!({"apiGroup": GROUP, "kind": "User", "name": name});
    let role = json!({"apiVersion": format!("{GROUP}/v1"), "kind": "Role", "metadata": place(reader), "rules": [read]});
    let binding = json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": "RoleBinding",
        "metadata": place(&format!("system::{reader}")),
        "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": reader},
        "subjects": [subject("system:kube-controller-manager"), subject("system:kube-scheduler")],
    });
    [role, binding]
}

fn everybodys() -> [Value; 7] {
    let own_reviews = [
        rule(AUTHORIZATION, &["selfsubjectaccessreviews", "selfsubjectrulesreviews"], &["create"]),
        rule(AUTHENTICATION, &["selfsubjectreviews"], &["create"]),
    ];
    let others_reviews = [
        rule(AUTHENTICATION, &["tokenreviews"], &["create"]),
        rule(AUTHORIZATION, &["subjectaccessreviews"], &["create"]),
    ];
    [
        role("system:discovery", &[paths(&DISCOVERY, &["get"])]),
        role("system:public-info-viewer", &[paths(&PUBLIC, &["get"])]),
        role("system:basic-user", &own_reviews),
        role("system:auth-delegator", &others_reviews),
        role("system:service-account-issuer-discovery", &[paths(&ISSUER, &["get"])]),
        role("system:monitoring", &[paths(&["/metrics", "/livez", "/readyz"], &["get"])]),
        role("system:cluster-viewer", &[rule(access::GROUP, &["status"], &["get"])]),
    ]
}

fn bindings() -> [Value; 9] {
    [
        binding("cluster-admin", "Group", &[MASTERS]),
        binding("system:discovery", "Group", &[AUTHENTICATED]),
        binding("system:public-info-viewer", "Group", &[AUTHENTICATED, UNAUTHENTICATED]),
        binding("system:basic-user", "Group", &[AUTHENTICATED]),
        binding("system:service-account-issuer-discovery", "Group", &["system:serviceaccounts"]),
        binding("system:monitoring", "Group", &["system:monitoring"]),
        binding("system:kube-scheduler", "User", &["system:kube-scheduler"]),
        binding("system:kube-controller-manager", "User", &["system:kube-controller-manager"]),
        binding(
            "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
            "Group",
            &[xebec_proto::join::NODES_GROUP],
        ),
    ]
}

fn cluster_admin() -> Value {
    role("cluster-admin", &[rule("*", &["*"], &["*"]), paths(&["*"], &["*"])])
}

fn role(name: &str, rules: &[Value]) -> Value {
    json!({"apiVersion": format!("{GROUP}/v1"), "kind": "ClusterRole", "metadata": metadata(name), "rules": rules})
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

fn paths(paths: &[&str], verbs: &[&str]) -> Value {
    json!({"nonResourceURLs": paths, "verbs": verbs})
}

fn binding(role: &str, kind: &str, subjects: &[&str]) -> Value {
    let subject = |name: &&str| json!({"apiGroup": GROUP, "kind": kind, "name": name});
    json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": "ClusterRoleBinding",
        "metadata": metadata(role),
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
        "subjects": subjects.iter().map(subject).collect::<Vec<_>>(),
    })
}

fn metadata(name: &str) -> Value {
    json!({
        "name": name,
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "annotations": {reconcile::AUTO_UPDATE: "true"},
    })
}

#[cfg(test)]
mod tests;
