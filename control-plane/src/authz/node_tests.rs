//! The matrix of what a node may and may not.

use serde_json::{Value, json};

use super::super::testing::ask;
use super::*;

struct Pods(Vec<Value>);

impl NodePods for Pods {
    fn node_of(&self, namespace: &str, name: &str) -> Option<Option<String>> {
        let is = |pod: &&Value| pod["metadata"]["namespace"] == namespace && pod["metadata"]["name"] == name;
        self.0.iter().find(is).map(|pod| pod["spec"]["nodeName"].as_str().map(str::to_owned))
    }

    fn refers(&self, node: &str, plural: &'static str, namespace: &str, name: &str) -> bool {
        let here = |pod: &&Value| pod["spec"]["nodeName"] == node && pod["metadata"]["namespace"] == namespace;
        let wanted = (plural, name.to_owned());
        self.0.iter().filter(here).any(|pod| {
            let spec = BoundSpec::deserialize(&pod["spec"]).unwrap();
            spec.references(pod["metadata"]["name"].as_str().unwrap()).contains(&wanted)
        })
    }

    fn claim_of(&self, volume: &str) -> Option<(String, String)> {
        volume.strip_prefix("pv-").map(|claim| ("shop".to_owned(), claim.to_owned()))
    }

    fn attached_to(&self, attachment: &str) -> Option<String> {
        attachment.strip_prefix("on-").map(str::to_owned)
    }
}

fn pods() -> Pods {
    let pod = |name: &str, node: Option<&str>, secret: &str| {
        json!({
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {
                "nodeName": node,
                "serviceAccountName": "till",
                "imagePullSecrets": [{"name": "pull"}],
                "containers": [{
                    "name": "c",
                    "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": secret, "key": "k"}}},
                            {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "env-key", "key": "k"}}}],
                    "envFrom": [{"configMapRef": {"name": "env-from"}}, {"secretRef": {"name": "env-from"}}]
                }],
                "initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "init"}}]}],
                "volumes": [
                    {"name": "a", "configMap": {"name": "vol"}},
                    {"name": "b", "secret": {"secretName": "vol"}},
                    {"name": "d", "persistentVolumeClaim": {"claimName": format!("disk-of-{secret}")}},
                    {"name": "e", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
                    {"name": "p", "projected": {"sources": [{"secret": {"name": "proj"}}, {"configMap": {"name": "proj"}}]}}
                ]
            }
        })
    };
    Pods(vec![pod("own", Some("n1"), "own"), pod("foreign", Some("n2"), "foreign"), pod("unbound", None, "unbound")])
}

fn check(verb_and_rest: &str, expect: bool) {
    let request = format!("system:node:n1+system:nodes {verb_and_rest}");
    let allowed = ask(&request, |question| allows("n1", question, &pods()));
    assert_eq!(allowed, expect, "{verb_and_rest}");
}

#[test]
fn its_own_node_only() {
    check("create core/nodes - n1", true);
    check("create core/nodes", true);
    check("get core/nodes - n1", true);
    check("update core/nodes/status - n1", true);
    check("create core/nodes - n2", false);
    check("get core/nodes - n2", false);
    check("update core/nodes/status - n2", false);
    check("delete core/nodes - n1", false);
    check("list core/nodes", false);
}

#[test]
fn tokens_of_the_accounts_of_its_pods_only() {
    check("create core/serviceaccounts/token shop till", true);
    check("create core/serviceaccounts/token shop other", false);
    check("create core/serviceaccounts/token bank till", false);
    check("create core/serviceaccounts/token shop", false);
    check("update core/serviceaccounts/token shop till", false);
}

#[test]
fn its_own_pods_only() {
    check("get core/pods shop own", true);
    check("update core/pods/status shop own", true);
    check("delete core/pods shop own", true);
    check("delete core/pods shop gone", true);
    check("get core/pods shop gone", false);
    for verb in ["get", "delete"] {
        check(&format!("{verb} core/pods shop foreign"), false);
        check(&format!("{verb} core/pods shop unbound"), false);
    }
    check("update core/pods/status shop foreign", false);
    check("update core/pods shop own", false);
    check("create core/pods shop own", false);
    check("create core/pods/binding shop unbound", false);
    check("create core/pods/exec shop own", false);
    check("list core/pods shop", false);
    check("watch core/pods", false);
    check("deletecollection core/pods shop", false);
}

#[test]
fn what_its_own_pods_refer_to() {
    for name in ["own", "vol", "proj", "pull", "env-from", "init"] {
        check(&format!("get core/secrets shop {name}"), true);
    }
    for name in ["vol", "proj", "env-key", "env-from"] {
        check(&format!("get core/configmaps shop {name}"), true);
    }
    check("get core/serviceaccounts shop till", true);
    check("get core/secrets shop foreign", false);
    check("get core/secrets shop unbound", false);
    check("get core/secrets bank own", false);
    check("get core/configmaps shop own", false);
    check("list core/secrets shop", false);
    check("watch core/secrets shop own", false);
    check("update core/secrets shop own", false);
}

#[test]
fn claims_of_its_pods_and_their_volumes() {
    for name in ["disk-of-own", "own-e"] {
        check(&format!("get core/persistentvolumeclaims shop {name}"), true);
        check(&format!("get core/persistentvolumes - pv-{name}"), true);
    }
    for name in ["disk-of-foreign", "disk-of-unbound", "foreign-e", "own-d"] {
        check(&format!("get core/persistentvolumeclaims shop {name}"), false);
        check(&format!("get core/persistentvolumes - pv-{name}"), false);
    }
    check("get core/persistentvolumeclaims bank disk-of-own", false);
    check("list core/persistentvolumeclaims shop", false);
    check("get core/persistentvolumes - nobodys", false);
    check("list core/persistentvolumes", false);
    check("update core/persistentvolumes - pv-disk-of-own", false);
    check("get storage.k8s.io/volumeattachments - on-n1", true);
    check("get storage.k8s.io/volumeattachments - on-n2", false);
    check("get storage.k8s.io/volumeattachments - nowhere", false);
    check("list storage.k8s.io/volumeattachments", false);
}

#[test]
fn requests_for_certificates() {
    check("create certificates.k8s.io/certificatesigningrequests", true);
    check("get certificates.k8s.io/certificatesigningrequests - csr-1", true);
    check("update certificates.k8s.io/certificatesigningrequests - csr-1", false);
    check("update certificates.k8s.io/certificatesigningrequests/approval - csr-1", false);
    check("create certificates.k8s.io/certificatesigningrequests/nodeclient", false);
    check("approve certificates.k8s.io/signers - kubernetes.io/kubelet-serving", false);
}

#[test]
fn events_and_its_lease() {
    check("create core/events shop", true);
    check("patch core/events shop e", true);
    check("delete core/events shop e", false);
    check("update coordination.k8s.io/leases kube-node-lease n1", true);
    check("update coordination.k8s.io/leases kube-node-lease n2", false);
    check("update coordination.k8s.io/leases kube-system n1", false);
    check("create coordination.k8s.io/leases kube-system n1", false);
}

#[test]
fn nothing_else() {
    check("get /metrics", false);
    check("create rbac.authorization.k8s.io/clusterrolebindings", false);
    check("get apps/deployments shop till", false);
    check("get core/services shop till", false);
    check("create cluster.xebec.dev/tokens", false);
}
