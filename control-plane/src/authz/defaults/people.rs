//! The roles of people, to be bound in a namespace: `view` reads everything but Secrets, `edit` writes it, `admin` hands out roles
//! within the namespace too. Each is the sum of the roles that are labelled for it.

use serde_json::{Value, json};

use super::super::rbac::GROUP;
use super::{AUTHORIZATION, READ, WRITE, role, rule};
use crate::cluster::access;

const LABEL: &str = "rbac.authorization.k8s.io/aggregate-to-";

/// The three roles, with the rules that they have from the start, and the three that these are from.
pub(super) fn roles() -> Vec<Value> {
    let (view, edit, admin) = (view(), edit(), admin());
    let edits: Vec<Value> = edit.iter().chain(&view).cloned().collect();
    let all: Vec<Value> = admin.iter().chain(&edits).cloned().collect();
    vec![
        sum("admin", &all, None),
        sum("edit", &edits, Some("admin")),
        sum("view", &view, Some("edit")),
        part("admin", &admin),
        part("edit", &edit),
        part("view", &view),
    ]
}

fn sum(name: &str, rules: &[Value], part_of: Option<&str>) -> Value {
    let mut sum = role(name, rules);
    let wanted = json!({"matchLabels": {format!("{LABEL}{name}"): "true"}});
    sum["aggregationRule"] = json!({"clusterRoleSelectors": [wanted]});
    if let Some(other) = part_of {
        sum["metadata"]["labels"][format!("{LABEL}{other}")] = json!("true");
    }
    sum
}

fn part(of: &str, rules: &[Value]) -> Value {
    let mut part = role(&format!("system:aggregate-to-{of}"), rules);
    part["metadata"]["labels"][format!("{LABEL}{of}")] = json!("true");
    part
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

fn view() -> Vec<Value> {
    SEEN.iter().map(|(group, resources)| rule(group, resources, &READ)).collect()
}

/// Whoever may make pods may run them as any account of the namespace, and so act as one.
fn edit() -> Vec<Value> {
    let changed = CHANGED.iter().map(|(group, resources)| rule(group, resources, &WRITE));
    let rest = [
        rule("", &["secrets"], &[&READ[..], &WRITE].concat()),
        rule("", &["pods/exec", "pods/attach", "pods/portforward"], &["get", "create"]),
        rule("", &["pods/eviction", "serviceaccounts/token"], &["create"]),
        rule("", &["serviceaccounts"], &["impersonate"]),
        rule("coordination.k8s.io", &["leases"], &[&READ[..], &WRITE].concat()),
    ];
    changed.chain(rest).collect()
}

fn admin() -> Vec<Value> {
    vec![
        rule(GROUP, &["roles", "rolebindings"], &[&READ[..], &WRITE].concat()),
        rule(AUTHORIZATION, &["localsubjectaccessreviews"], &["create"]),
    ]
}
