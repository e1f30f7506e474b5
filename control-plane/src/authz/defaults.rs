//! The roles and bindings of a new cluster. The leader creates those that are missing; whoever changes one keeps the change.

use serde_json::{Value, json};

use super::rbac::GROUP;
use crate::authn::user::{AUTHENTICATED, MASTERS};
use crate::cluster::access;

const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];
const DISCOVERY: [&str; 8] = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", "/version", "/healthz"];

/// All default ClusterRoles, then the ClusterRoleBindings.
pub fn objects() -> Vec<Value> {
    let mut objects = vec![cluster_admin()];
    objects.extend(user_roles());
    objects.push(role("system:discovery", &[paths(&DISCOVERY, &["get"])]));
    objects.push(role(
        "system:basic-user",
        &[
            rule("authorization.k8s.io", &["selfsubjectaccessreviews", "selfsubjectrulesreviews"], &["create"]),
            rule("authentication.k8s.io", &["selfsubjectreviews"], &["create"]),
        ],
    ));
    objects.push(role("system:kube-scheduler", &scheduler_rules()));
    objects.push(role("system:kube-controller-manager", &controller_rules()));
    objects.push(role("system:monitoring", &[paths(&["/metrics", "/livez", "/readyz"], &["get"])]));
    objects.push(role("system:cluster-viewer", &[rule(access::GROUP, &["status"], &["get"])]));
    objects.extend(bindings());
    objects
}

fn bindings() -> [Value; 6] {
    [
        binding("cluster-admin", "Group", MASTERS),
        binding("system:discovery", "Group", AUTHENTICATED),
        binding("system:basic-user", "Group", AUTHENTICATED),
        binding("system:monitoring", "Group", "system:monitoring"),
        binding("system:kube-scheduler", "User", "system:kube-scheduler"),
        binding("system:kube-controller-manager", "User", "system:kube-controller-manager"),
    ]
}

fn cluster_admin() -> Value {
    role("cluster-admin", &[rule("*", &["*"], &["*"]), paths(&["*"], &["*"])])
}

/// `view` reads everything but Secrets, `edit` writes it, `admin` hands out roles within the namespace too.
fn user_roles() -> [Value; 3] {
    let view = view_rules();
    let edit: Vec<Value> = view.iter().cloned().chain(edit_rules()).collect();
    let own = rule(GROUP, &["roles", "rolebindings"], &[&READ[..], &WRITE].concat());
    let admin: Vec<Value> = edit.iter().cloned().chain([own]).collect();
    [role("view", &view), role("edit", &edit), role("admin", &admin)]
}

/// What of a namespace people see, by group: the resources, and the parts that they see too.
const SEEN: [(&str, &[&str]); 10] = [
    (
        "",
        &[
            "bindings",
            "configmaps",
            "endpoints",
            "events",
            "limitranges",
            "namespaces",
            "namespaces/status",
            "persistentvolumeclaims",
            "persistentvolumeclaims/status",
            "pods",
            "pods/log",
            "pods/status",
            "replicationcontrollers",
            "replicationcontrollers/scale",
            "replicationcontrollers/status",
            "resourcequotas",
            "resourcequotas/status",
            "serviceaccounts",
            "services",
            "services/status",
        ],
    ),
    (
        "apps",
        &[
            "controllerrevisions",
            "daemonsets",
            "daemonsets/status",
            "deployments",
            "deployments/scale",
            "deployments/status",
            "replicasets",
            "replicasets/scale",
            "replicasets/status",
            "statefulsets",
            "statefulsets/scale",
            "statefulsets/status",
        ],
    ),
    ("autoscaling", &["horizontalpodautoscalers", "horizontalpodautoscalers/status"]),
    ("batch", &["cronjobs", "cronjobs/status", "jobs", "jobs/status"]),
    ("discovery.k8s.io", &["endpointslices"]),
    ("events.k8s.io", &["events"]),
    ("networking.k8s.io", &["ingresses", "ingresses/status", "networkpolicies"]),
    ("policy", &["poddisruptionbudgets", "poddisruptionbudgets/status"]),
    ("resource.k8s.io", &["resourceclaims", "resourceclaims/status", "resourceclaimtemplates"]),
    (access::METRICS_GROUP, &["pods"]),
];

/// What of a namespace people change, by group.
const CHANGED: [(&str, &[&str]); 7] = [
    (
        "",
        &[
            "configmaps",
            "endpoints",
            "events",
            "persistentvolumeclaims",
            "pods",
            "replicationcontrollers",
            "replicationcontrollers/scale",
            "serviceaccounts",
            "services",
        ],
    ),
    (
        "apps",
        &[
            "daemonsets",
            "deployments",
            "deployments/scale",
            "replicasets",
            "replicasets/scale",
            "statefulsets",
            "statefulsets/scale",
        ],
    ),
    ("autoscaling", &["horizontalpodautoscalers"]),
    ("batch", &["cronjobs", "jobs"]),
    ("networking.k8s.io", &["ingresses", "networkpolicies"]),
    ("policy", &["poddisruptionbudgets"]),
    ("resource.k8s.io", &["resourceclaims", "resourceclaimtemplates"]),
];

fn view_rules() -> Vec<Value> {
    SEEN.iter().map(|(group, resources)| rule(group, resources, &READ)).collect()
}

fn edit_rules() -> Vec<Value> {
    let changed = CHANGED.iter().map(|(group, resources)| rule(group, resources, &WRITE));
    let rest = [
        rule("", &["secrets"], &[&READ[..], &WRITE].concat()),
        rule("", &["pods/exec", "pods/attach", "pods/portforward"], &["get", "create"]),
        rule("", &["pods/eviction"], &["create"]),
        rule("coordination.k8s.io", &["leases"], &[&READ[..], &WRITE].concat()),
    ];
    changed.chain(rest).collect()
}

fn scheduler_rules() -> Vec<Value> {
    vec![
        rule("", &["pods", "nodes", "namespaces", "services"], &READ),
        rule("apps", &["replicasets"], &READ),
        rule("", &["pods/binding", "bindings"], &["create"]),
        rule("", &["pods/status"], &["update", "patch"]),
        rule("", &["pods"], &["delete"]),
        rule("", &["events"], &["create", "update", "patch"]),
        rule("events.k8s.io", &["events"], &["create", "update", "patch"]),
    ]
}

/// One identity stands for all controllers: garbage collection and the emptying of namespaces must read, mark and delete every
/// kind; what may be created is named. What they grant is held against what they hold, like anybody's.
fn controller_rules() -> Vec<Value> {
    vec![
        rule("*", &["*"], &["get", "list", "watch", "update", "patch", "delete", "deletecollection"]),
        rule("", &["pods", "events", "serviceaccounts", "configmaps", "endpoints", "pods/eviction"], &["create"]),
        rule("apps", &["replicasets"], &["create"]),
        rule("discovery.k8s.io", &["endpointslices"], &["create"]),
        rule("events.k8s.io", &["events"], &["create"]),
        rule("coordination.k8s.io", &["leases"], &["create"]),
    ]
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

fn binding(role: &str, kind: &str, subject: &str) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": "ClusterRoleBinding",
        "metadata": metadata(role),
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": GROUP, "kind": kind, "name": subject}],
    })
}

fn metadata(name: &str) -> Value {
    json!({"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}})
}

#[cfg(test)]
#[path = "defaults_tests.rs"]
mod tests;
