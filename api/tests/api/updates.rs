//! What happens to an object on its way to the store.

use serde_json::{Value, json};

use crate::{defaulted, kind};

fn stored(word: &str, text: &str) -> Value {
    let mut object = defaulted(word, text);
    object["metadata"]["uid"] = json!("u1");
    kind(word).prepare_create(&mut object);
    object
}

const DEPLOYMENT: &str = "{metadata: {name: web}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}, status: {replicas: 9}}";
const POD: &str = "{metadata: {name: web}, spec: {containers: [{name: c, image: 'i:1'}]}}";

fn update(word: &str, old: &Value, change: impl FnOnce(&mut Value)) -> (Value, String) {
    let mut new = old.clone();
    change(&mut new);
    kind(word).prepare_update(&mut new, old);
    let errors: Vec<String> = kind(word).validate_update(&new, old).iter().map(ToString::to_string).collect();
    (new, errors.join("\n"))
}

#[test]
fn a_new_object_has_no_status_of_the_client_and_the_first_generation() {
    let deployment = stored("deploy", DEPLOYMENT);
    assert_eq!(deployment["metadata"]["generation"], 1);
    assert_eq!(deployment.get("status"), None);
    let pod = stored("po", POD);
    assert_eq!(pod["status"], json!({ "phase": "Pending", "qosClass": "BestEffort" }));
    let node = stored("no", "{metadata: {name: n1}, status: {capacity: {cpu: 2}}}");
    assert_eq!(node["status"]["capacity"]["cpu"], "2");
}

#[test]
fn only_a_change_of_what_is_wanted_counts() {
    let old = stored("deploy", DEPLOYMENT);
    let (new, errors) = update("deploy", &old, |d| d["metadata"]["labels"] = json!({ "x": "y" }));
    assert_eq!((&new["metadata"]["generation"], errors.as_str()), (&json!(1), ""));
    let (new, errors) = update("deploy", &old, |d| d["spec"]["replicas"] = json!(3));
    assert_eq!((&new["metadata"]["generation"], errors.as_str()), (&json!(2), ""));
    let (new, _) = update("deploy", &old, |d| d["status"] = json!({ "replicas": 5 }));
    assert_eq!(new, old);
    let (new, _) = update("deploy", &old, |d| d["metadata"]["uid"] = json!("other"));
    assert_eq!(new["metadata"]["uid"], "u1");
}

#[test]
fn a_status_update_changes_nothing_else() {
    let old = stored("deploy", DEPLOYMENT);
    let mut new = old.clone();
    new["spec"]["replicas"] = json!(7);
    new["status"] = json!({ "replicas": 1 });
    new["metadata"]["annotations"] = json!({ "seen": "yes" });
    new["metadata"]["ownerReferences"] = json!([{}]);
    kind("deploy").prepare_status_update(&mut new, &old);
    assert_eq!(new["spec"], old["spec"]);
    assert_eq!(new["status"]["replicas"], 1);
    assert_eq!(new["metadata"]["annotations"]["seen"], "yes");
    assert_eq!(new["metadata"].get("ownerReferences"), None);
}

#[test]
fn a_workload_keeps_its_selector() {
    let old = stored("deploy", DEPLOYMENT);
    let (_, errors) = update("deploy", &old, |d| {
        d["spec"]["selector"]["matchLabels"] = json!({ "a": "c" });
        d["spec"]["template"]["metadata"]["labels"] = json!({ "a": "c" });
    });
    assert_eq!(errors, r#"spec.selector: Invalid value: {"matchLabels":{"a":"c"}}: field is immutable"#);
}

#[test]
fn of_a_pod_only_little_may_change() {
    let old = stored("po", POD);
    let (_, errors) = update("po", &old, |p| p["spec"]["containers"][0]["image"] = json!("i:2"));
    assert_eq!(errors, "");
    let (_, errors) = update("po", &old, |p| p["spec"]["tolerations"] = json!([{ "key": "a", "operator": "Exists" }]));
    assert_eq!(errors, "");
    let (_, errors) = update("po", &old, |p| p["spec"]["nodeName"] = json!("n1"));
    assert!(errors.starts_with("spec: Forbidden: pod updates may only change"), "{errors}");
    let (_, errors) = update("po", &old, |p| p["spec"]["containers"] = json!([]));
    assert!(errors.contains("spec: Forbidden"), "{errors}");
}

#[test]
fn a_service_keeps_its_addresses() {
    let mut old = stored("svc", "{metadata: {name: web}, spec: {type: NodePort, ports: [{port: 80}]}}");
    old["spec"]["clusterIP"] = json!("10.43.0.9");
    old["spec"]["clusterIPs"] = json!(["10.43.0.9"]);
    old["spec"]["ports"][0]["nodePort"] = json!(30_080);
    let applied = defaulted("svc", "{metadata: {name: web}, spec: {type: NodePort, ports: [{port: 80}]}}");
    let (new, errors) = update("svc", &old, |s| s["spec"] = applied["spec"].clone());
    assert_eq!(errors, "");
    assert_eq!(new["spec"], old["spec"]);
    let (_, errors) = update("svc", &old, |s| s["spec"]["clusterIP"] = json!("10.43.0.10"));
    assert_eq!(errors, r#"spec.clusterIP: Invalid value: "10.43.0.10": field is immutable"#);
}

/// Regression: `kubectl patch svc web -p '{"spec":{"type":"ClusterIP"}}'` was refused for what the old type had left behind.
#[test]
fn a_service_that_changes_its_type_drops_what_the_type_had() {
    let mut old =
        stored("svc", "{metadata: {name: web}, spec: {type: LoadBalancer, clusterIP: 10.43.0.9, ports: [{port: 80}]}}");
    old["spec"]["ports"][0]["nodePort"] = json!(30_080);
    let (new, errors) = update("svc", &old, |s| s["spec"]["type"] = json!("ClusterIP"));
    assert_eq!(errors, "");
    for gone in ["externalTrafficPolicy", "allocateLoadBalancerNodePorts"] {
        assert_eq!(new["spec"].get(gone), None, "{gone}");
    }
    assert_eq!(new["spec"]["ports"][0].get("nodePort"), None);
    assert_eq!(new["spec"]["clusterIP"], "10.43.0.9");
    let (_, errors) = update("svc", &old, |s| {
        s["spec"]["type"] = json!("ClusterIP");
        s["spec"]["ports"][0]["nodePort"] = json!(30_081);
    });
    assert!(errors.contains("nodePort: Forbidden"), "{errors}");
    let (new, errors) = update("svc", &old, |s| {
        s["spec"]["type"] = json!("ExternalName");
        s["spec"]["externalName"] = json!("example.org");
    });
    assert_eq!((new["spec"].get("clusterIP"), errors.as_str()), (None, ""));
}

#[test]
fn immutable_things_stay() {
    let old = stored("cm", "{metadata: {name: a}, immutable: true, data: {a: b}}");
    let (_, errors) = update("cm", &old, |m| m["data"]["a"] = json!("c"));
    assert_eq!(errors, "data: Forbidden: field is immutable when `immutable` is set");
    let old = stored("rolebinding", "{metadata: {name: a}, roleRef: {kind: Role, name: r}}");
    let (_, errors) = update("rolebinding", &old, |b| b["roleRef"]["name"] = json!("admin"));
    assert!(errors.ends_with("cannot change roleRef"), "{errors}");
    let old = stored("cm", "{metadata: {name: a}}");
    let (_, errors) = update("cm", &old, |m| m["metadata"]["name"] = json!("b"));
    assert_eq!(errors, r#"metadata.name: Invalid value: "b": field is immutable"#);
}

#[test]
fn a_dying_object_takes_no_new_finalizers() {
    let mut old = stored("cm", "{metadata: {name: a, finalizers: [x/a]}}");
    old["metadata"]["deletionTimestamp"] = json!("2030-01-01T00:00:00Z");
    let (_, errors) = update("cm", &old, |m| m["metadata"]["finalizers"] = json!(["x/a", "x/b"]));
    assert!(errors.starts_with("metadata.finalizers: Forbidden: finalizers may only go"), "{errors}");
    let (_, errors) = update("cm", &old, |m| m["metadata"]["finalizers"] = json!([]));
    assert_eq!(errors, "");
}

#[test]
fn grace_is_for_pods_that_run() {
    let mut pod = stored("po", POD);
    assert_eq!(kind("po").grace_seconds(&pod), Some(0));
    pod["spec"]["nodeName"] = json!("n1");
    assert_eq!(kind("po").grace_seconds(&pod), Some(30));
    pod["status"]["phase"] = json!("Succeeded");
    assert_eq!(kind("po").grace_seconds(&pod), Some(0));
    assert_eq!(kind("cm").grace_seconds(&pod), None);
}

#[test]
fn scale_reads_and_writes_replicas() {
    let mut deployment = stored("deploy", DEPLOYMENT);
    let scale = xebec_api::scale::read(kind("deploy"), &deployment);
    assert_eq!((&scale["spec"]["replicas"], &scale["status"]["selector"]), (&json!(1), &json!("a=b")));
    xebec_api::scale::write(kind("deploy"), &mut deployment, &json!({ "spec": { "replicas": 4 } })).unwrap();
    assert_eq!(deployment["spec"]["replicas"], 4);
    for bad in [json!(-1), json!("x"), json!(1_i64 << 40)] {
        let status = xebec_api::scale::write(kind("deploy"), &mut deployment, &json!({ "spec": { "replicas": bad } }))
            .unwrap_err();
        assert_eq!(status.code, 422);
    }
}
