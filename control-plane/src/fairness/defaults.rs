//! The FlowSchemas and priority levels that a cluster begins with: Kubernetes' mandatory and suggested ones. The leader creates
//! them where they are missing; whoever changes one keeps the change.

use serde_json::{Value, json};

const API_VERSION: &str = "flowcontrol.apiserver.k8s.io/v1";
const ALL_USERS: [&str; 2] = ["system:authenticated", "system:unauthenticated"];

/// All levels.
pub fn levels() -> Vec<Value> {
    let mut levels = mandatory_levels();
    levels.extend([
        limited("node-high", 40, 25, 64),
        limited("system", 30, 33, 64),
        limited("leader-election", 10, 0, 16),
        limited("workload-high", 40, 50, 128),
        limited("workload-low", 100, 90, 128),
        limited("global-default", 20, 50, 128),
    ]);
    levels
}

/// The levels that there always are.
pub(super) fn mandatory_levels() -> Vec<Value> {
    let exempt = json!({"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}});
    let catch_all = json!({"type": "Limited", "limited": {
        "nominalConcurrencyShares": 5, "lendablePercent": 0, "limitResponse": {"type": "Reject"},
    }});
    vec![level("exempt", &exempt), level("catch-all", &catch_all)]
}

fn level(name: &str, spec: &Value) -> Value {
    let metadata = json!({"name": name, "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}});
    json!({"apiVersion": API_VERSION, "kind": "PriorityLevelConfiguration", "metadata": metadata, "spec": spec})
}

fn limited(name: &str, shares: u32, lendable: u32, queues: u32) -> Value {
    let hand = if queues == 16 { 4 } else { 6 };
    let queuing = json!({"queues": queues, "handSize": hand, "queueLengthLimit": 50});
    level(
        name,
        &json!({"type": "Limited", "limited": {
            "nominalConcurrencyShares": shares, "lendablePercent": lendable,
            "limitResponse": {"type": "Queue", "queuing": queuing},
        }}),
    )
}

/// All schemas.
pub fn schemas() -> Vec<Value> {
    let mut schemas = mandatory_schemas();
    schemas.extend(system_schemas());
    schemas.extend([
        schema(
            "kube-system-service-accounts",
            900,
            "workload-high",
            "ByNamespace",
            &[everything(&[service_accounts("kube-system", "*")])],
        ),
        schema("service-accounts", 9_000, "workload-low", "ByUser", &[everything(&[group("system:serviceaccounts")])]),
        schema("global-default", 9_900, "global-default", "ByUser", &[everything(&ALL_USERS.map(group))]),
    ]);
    schemas
}

/// The schemas that there always are.
pub(super) fn mandatory_schemas() -> Vec<Value> {
    vec![
        schema("exempt", 1, "exempt", "", &[everything(&[group("system:masters")])]),
        schema("catch-all", 10_000, "catch-all", "ByUser", &[everything(&ALL_USERS.map(group))]),
    ]
}

/// Of the cluster's own parts.
fn system_schemas() -> Vec<Value> {
    let managers = [user("system:kube-controller-manager"), user("system:kube-scheduler")];
    let leases = |verbs: &[&str]| resources(verbs, &["coordination.k8s.io"], &["leases"]);
    let election = ["get", "create", "update"];
    let kube_system = [service_accounts("kube-system", "*")];
    let nodes = [group("system:nodes")];
    let own_state = [resources(&["*"], &[""], &["nodes", "nodes/status"]), leases(&["*"])];
    vec![
        schema(
            "probes",
            2,
            "exempt",
            "",
            &[json!({"subjects": ALL_USERS.map(group), "nonResourceRules": [
                {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]},
            ]})],
        ),
        schema("system-leader-election", 100, "leader-election", "ByUser", &[rule(&managers, &[leases(&election)])]),
        schema(
            "workload-leader-election",
            200,
            "leader-election",
            "ByUser",
            &[rule(&kube_system, &[leases(&election)])],
        ),
        schema("system-node-high", 400, "node-high", "ByUser", &[rule(&nodes, &own_state)]),
        schema("system-nodes", 500, "system", "ByUser", &[everything(&nodes)]),
        schema("kube-controller-manager", 800, "workload-high", "ByNamespace", &[everything(&managers[..1])]),
        schema("kube-scheduler", 800, "workload-high", "ByNamespace", &[everything(&managers[1..])]),
    ]
}

fn schema(name: &str, precedence: u32, level: &str, distinguisher: &str, rules: &[Value]) -> Value {
    let mut spec = json!({
        "matchingPrecedence": precedence, "priorityLevelConfiguration": {"name": level}, "rules": rules,
    });
    if !distinguisher.is_empty() {
        spec["distinguisherMethod"] = json!({"type": distinguisher});
    }
    let metadata = json!({"name": name, "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}});
    json!({"apiVersion": API_VERSION, "kind": "FlowSchema", "metadata": metadata, "spec": spec})
}

fn user(name: &str) -> Value {
    json!({"kind": "User", "user": {"name": name}})
}

fn group(name: &str) -> Value {
    json!({"kind": "Group", "group": {"name": name}})
}

fn service_accounts(namespace: &str, name: &str) -> Value {
    json!({"kind": "ServiceAccount", "serviceAccount": {"namespace": namespace, "name": name}})
}

fn resources(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": groups, "resources": resources, "clusterScope": true, "namespaces": ["*"]})
}

fn rule(subjects: &[Value], resources: &[Value]) -> Value {
    json!({"subjects": subjects, "resourceRules": resources})
}

/// Whatever these ask.
fn everything(subjects: &[Value]) -> Value {
    json!({
        "subjects": subjects, "resourceRules": [resources(&["*"], &["*"], &["*"])],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    })
}
