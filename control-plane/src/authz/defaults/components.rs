//! The roles of what works in the masters, and of machines that ask for certificates.

use serde_json::{Value, json};

use super::super::rbac::GROUP;
use super::{READ, role, rule};

const CERTIFICATES: &str = "certificates.k8s.io";

/// All of them.
pub(super) fn roles() -> Vec<Value> {
    let mut roles = vec![
        role("system:kube-scheduler", &scheduler_rules()),
        role("system:kube-controller-manager", &controller_rules()),
        role(
            "system:node-bootstrapper",
            &[rule(CERTIFICATES, &["certificatesigningrequests"], &[&READ[..], &["create"]].concat())],
        ),
    ];
    roles.extend(["nodeclient", "selfnodeclient"].map(|part| {
        let resource = format!("certificatesigningrequests/{part}");
        let name = format!("system:certificates.k8s.io:certificatesigningrequests:{part}");
        role(&name, &[rule(CERTIFICATES, &[&resource], &["create"])])
    }));
    roles.extend(
        ["kube-apiserver-client", "kube-apiserver-client-kubelet", "kubelet-serving", "legacy-unknown"].map(approver),
    );
    roles
}

fn approver(signer: &str) -> Value {
    let mut signers = rule(CERTIFICATES, &["signers"], &["approve"]);
    signers["resourceNames"] = json!([format!("kubernetes.io/{signer}")]);
    role(&format!("system:certificates.k8s.io:{signer}-approver"), &[signers])
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
/// kind; what may be created is named. What they grant is held against what they hold, like anybody's, but for the sums of
/// aggregated roles: the parts were held against those who wrote them.
fn controller_rules() -> Vec<Value> {
    vec![
        rule("*", &["*"], &["get", "list", "watch", "update", "patch", "delete", "deletecollection"]),
        rule("", &["pods", "events", "serviceaccounts", "configmaps", "endpoints", "pods/eviction"], &["create"]),
        rule("apps", &["replicasets"], &["create"]),
        rule("discovery.k8s.io", &["endpointslices"], &["create"]),
        rule("events.k8s.io", &["events"], &["create"]),
        rule("coordination.k8s.io", &["leases"], &["create"]),
        rule(GROUP, &["clusterroles"], &["escalate"]),
    ]
}
