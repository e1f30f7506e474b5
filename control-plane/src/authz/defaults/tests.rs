//! What the default roles allow, and that the kind table takes them.

use super::super::rules::{Grants, Roles};
use super::super::testing::ask;
use super::*;

fn of_kind<T: serde::de::DeserializeOwned>(kind: &str) -> Vec<T> {
    objects().into_iter().filter(|o| o["kind"] == kind).map(|o| serde_json::from_value(o).unwrap()).collect()
}

fn check(request: &str, expect: bool) {
    let roles = Roles::new(Vec::new(), of_kind("ClusterRole"));
    let mut bindings = of_kind("ClusterRoleBinding");
    for name in ["view", "edit", "admin"] {
        bindings.push(serde_json::from_value(binding(name, "User", &[name])).unwrap());
    }
    let grants = Grants::new(&roles, Vec::new(), bindings);
    assert_eq!(ask(request, |question| grants.allow(question)), expect, "{request}");
}

#[test]
fn every_default_is_a_valid_object() {
    for object in objects() {
        let kind = xebec_api::kinds::find_api_version(
            object["apiVersion"].as_str().unwrap(),
            object["kind"].as_str().unwrap(),
        );
        let kind = kind.unwrap();
        assert_eq!(kind.check_schema(&object).unwrap().len(), 0, "{object}");
        assert!(
            kind.validate_create(&object).is_empty(),
            "{}: {:?}",
            object["metadata"]["name"],
            kind.validate_create(&object)
        );
    }
}

#[test]
fn people() {
    check("view get core/pods shop p", true);
    check("view get core/secrets shop s", false);
    check("view delete core/pods shop p", false);
    check("view create core/pods/exec shop p", false);
    check("edit get core/secrets shop s", true);
    check("edit create core/pods/exec shop p", true);
    check("edit patch apps/deployments/scale shop till", true);
    check("edit create rbac.authorization.k8s.io/rolebindings shop", false);
    check("edit create core/serviceaccounts/token shop till", true);
    check("edit impersonate core/serviceaccounts shop till", true);
    check("view get core/resourcequotas shop q", true);
    check("edit delete networking.k8s.io/networkpolicies shop n", true);
    check("jane get /openid/v1/jwks", false);
    check("till+system:serviceaccounts get /openid/v1/jwks", true);
    check("view list batch/jobs shop", true);
    check("view get networking.k8s.io/ingresses shop i", true);
    check("view get core/persistentvolumes - pv", false);
    check("edit create autoscaling/horizontalpodautoscalers shop", true);
    check("edit create core/resourcequotas shop", false);
    check("edit patch apps/statefulsets/scale shop db", true);
    check("admin create rbac.authorization.k8s.io/rolebindings shop", true);
    check("admin create rbac.authorization.k8s.io/clusterrolebindings", false);
    check("admin create cluster.xebec.dev/tokens", false);
    check("jane get /apis/apps/v1", true);
    check("jane get core/pods shop p", false);
    check("root+system:masters create cluster.xebec.dev/tokens", true);
}

#[test]
fn components() {
    check("system:kube-scheduler create core/pods/binding shop p", true);
    check("system:kube-scheduler get core/secrets shop s", false);
    check("system:kube-scheduler create core/pods shop", false);
    check("system:kube-controller-manager create core/pods shop", true);
    check("system:kube-controller-manager patch core/nodes/status - n1", true);
    check("system:kube-controller-manager create core/secrets shop", false);
    check("system:kube-controller-manager escalate rbac.authorization.k8s.io/clusterroles - admin", true);
    check("system:kube-controller-manager escalate rbac.authorization.k8s.io/roles shop r", false);
    check("system:kube-controller-manager bind rbac.authorization.k8s.io/clusterroles - admin", false);
    check("system:kube-controller-manager create cluster.xebec.dev/tokens", false);
    check("system:kube-controller-manager create rbac.authorization.k8s.io/clusterrolebindings", false);
}
