//! Writes by `n1`, judged.

use serde_json::json;

use super::*;

fn node(name: &str, labels: Value, spec: Value) -> Value {
    json!({"metadata": {"name": name, "labels": labels}, "spec": spec})
}

fn pod(node: &str, labels: Value) -> Value {
    json!({"metadata": {"name": "p", "labels": labels}, "spec": {"nodeName": node}})
}

fn check_write(resource: &str, old: Option<Value>, new: Value, expect: Result<(), &str>) {
    let found = check(&NodeWrite { node: "n1", resource, new: &new, old: old.as_ref() });
    let found = found.map_err(|restriction| restriction.to_string());
    assert_eq!(found.as_ref().map_err(String::as_str), expect.as_ref().map_err(|text| *text), "{old:?} -> {new}");
}

const FOREIGN: Result<(), &str> = Err("node n1 may not write objects of other nodes");

#[test]
fn a_node_registers_itself_with_its_own_labels() {
    let own = json!({"kubernetes.io/hostname": "n1", "node.kubernetes.io/disk": "ssd", "example.com/rack": "7"});
    let tainted = json!({"taints": [{"key": "dedicated", "effect": "NoSchedule"}]});
    check_write("nodes", None, node("n1", own.clone(), tainted), Ok(()));
    check_write("nodes", None, node("n2", own, json!({})), FOREIGN);
    let range = json!({"podCIDR": "10.42.0.0/16"});
    check_write("nodes", None, node("n1", json!({}), range), Err("node n1 may not change spec.podCIDR"));
}

#[test]
fn a_node_gives_itself_no_trusted_label() {
    let label = |key: &str| json!({ key: "x" });
    for key in
        ["node-restriction.kubernetes.io/pci", "node-role.kubernetes.io/control-plane", "a.k8s.io/b", "kubernetes.io/x"]
    {
        let refusal = format!("node n1 may not change the label {key}");
        check_write("nodes", None, node("n1", label(key), json!({})), Err(&refusal));
        let bare = node("n1", json!({}), json!({}));
        check_write("nodes", Some(bare.clone()), node("n1", label(key), json!({})), Err(&refusal));
        check_write("nodes", Some(node("n1", label(key), json!({}))), bare, Err(&refusal));
        let labelled = node("n1", label(key), json!({}));
        check_write("nodes", Some(labelled.clone()), labelled, Ok(()));
    }
}

#[test]
fn a_node_keeps_taints_and_addresses_that_others_gave_it() {
    let tainted = node(
        "n1",
        json!({}),
        json!({"taints": [{"key": "node.kubernetes.io/unreachable"}], "podCIDR": "10.42.1.0/24"}),
    );
    let untainted = node("n1", json!({}), json!({"podCIDR": "10.42.1.0/24"}));
    let moved = node(
        "n1",
        json!({}),
        json!({"taints": [{"key": "node.kubernetes.io/unreachable"}], "podCIDR": "10.42.0.0/16"}),
    );
    check_write("nodes", Some(tainted.clone()), tainted.clone(), Ok(()));
    check_write("nodes", Some(tainted.clone()), untainted, Err("node n1 may not change spec.taints"));
    check_write("nodes", Some(tainted), moved, Err("node n1 may not change spec.podCIDR"));
}

#[test]
fn a_node_neither_deletes_itself_nor_makes_itself_somebodys_property() {
    let own = node("n1", json!({}), json!({}));
    check_write("nodes", Some(own.clone()), Value::Null, Err("node n1 may not delete nodes"));
    let mut owned = own.clone();
    owned["metadata"]["ownerReferences"] = json!([{"kind": "Pod", "name": "p", "uid": "u"}]);
    check_write("nodes", Some(own), owned.clone(), Err("node n1 may not change metadata.ownerReferences"));
    check_write("nodes", None, owned, Err("node n1 may not change metadata.ownerReferences"));
}

#[test]
fn pods_are_judged_by_old_and_new() {
    let (own, foreign) = (pod("n1", json!({})), pod("n2", json!({})));
    check_write("pods", None, own.clone(), Err("node n1 may not create pods"));
    check_write("pods", Some(own.clone()), own.clone(), Ok(()));
    check_write("pods", Some(own.clone()), Value::Null, Ok(()));
    check_write("pods", Some(own.clone()), foreign.clone(), FOREIGN);
    check_write("pods", Some(foreign.clone()), own.clone(), FOREIGN);
    check_write("pods", Some(foreign), Value::Null, FOREIGN);
    check_write("pods", Some(own), pod("n1", json!({"app": "x"})), Err("node n1 may not change metadata.labels"));
}

#[test]
fn leases_of_other_nodes_are_foreign() {
    let lease = |name: &str| json!({"metadata": {"name": name}});
    check_write("leases", None, lease("n1"), Ok(()));
    check_write("leases", None, lease("n2"), FOREIGN);
}

#[test]
fn a_node_has_tokens_for_its_own_pods_and_for_what_their_volumes_show() {
    let check = |bound: Value, audiences: Value, pod: Option<&Value>, expect: Option<&str>| {
        let request = json!({"spec": {"boundObjectRef": bound, "audiences": audiences}});
        let refused = check_token("n1", &request, pod).err().map(|refusal| refusal.to_string());
        match (refused, expect) {
            (None, None) => {}
            (Some(refused), Some(expect)) => assert!(refused.ends_with(expect), "{refused}"),
            other => panic!("{other:?}"),
        }
    };
    let volumes = json!([{"projected": {"sources": [{"serviceAccountToken": {"audience": "vault"}}]}}]);
    let pod = json!({"metadata": {"uid": "u"}, "spec": {"nodeName": "n1", "volumes": volumes}});
    let mut foreign = pod.clone();
    foreign["spec"]["nodeName"] = json!("n2");
    let to = |kind: &str, uid: &str| json!({"kind": kind, "name": "p", "uid": uid});
    check(to("Pod", "u"), json!(["vault"]), Some(&pod), None);
    check(to("Pod", "u"), json!([]), Some(&pod), None);
    check(to("Pod", "u"), json!(["bank"]), Some(&pod), Some("for this audience"));
    check(to("Pod", "v"), json!([]), Some(&pod), Some("no such pod"));
    check(to("Pod", "u"), json!([]), None, Some("no such pod"));
    check(to("Pod", ""), json!([]), Some(&pod), Some("uid is missing"));
    check(to("Secret", "u"), json!([]), Some(&pod), Some("not bound to a pod"));
    check(Value::Null, json!([]), Some(&pod), Some("not bound to a pod"));
    check(to("Pod", "u"), json!([]), Some(&foreign), Some("bound to another node"));
}

#[test]
fn a_node_asks_for_certificates_in_its_own_name() {
    let subject = |name: &str, group: &str| Subject { common_name: name.into(), organizations: vec![group.into()] };
    let check = |signer: &str, subject: &Subject| {
        let checked = check_certificate("n1", &format!("kubernetes.io/{signer}"), Some(subject));
        checked.map_err(|restriction| restriction.to_string())
    };
    let refused = Err("node n1 may ask for certificates of nodes only for itself, as system:node:n1".to_owned());
    for signer in ["kube-apiserver-client-kubelet", "kubelet-serving"] {
        assert_eq!(check(signer, &subject("system:node:n1", "system:nodes")), Ok(()));
        assert_eq!(check(signer, &subject("system:node:n2", "system:nodes")), refused);
        assert_eq!(check(signer, &subject("system:node:n1", "team")), refused);
    }
    assert_eq!(check("kube-apiserver-client", &subject("dev", "team")), Ok(()));
    assert_eq!(check_certificate("n1", "kubernetes.io/kubelet-serving", None), Ok(()));
}
