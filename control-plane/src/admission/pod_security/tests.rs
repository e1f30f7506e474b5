//! Pods that break one rule each, and those that break none.

use serde_json::{Value, json};

use super::policy::{Level, Version};
use super::*;

fn policy(level: Level) -> Policy {
    Policy { level, version: Version::Latest }
}

/// A pod that the strictest level takes.
fn careful() -> Value {
    json!({"spec": {
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "c", "securityContext": {
            "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
        }}],
    }})
}

/// Lays `change` over the careful pod (a merge patch) and holds it against all levels; `expect` is what is said, and from which
/// level on.
fn check(change: Value, from: Option<(Level, &str)>) {
    let mut pod = careful();
    merge(&mut pod, &change);
    let subject = Subject::of_pod(&pod).unwrap();
    for level in [Level::Privileged, Level::Baseline, Level::Restricted] {
        let complaint = checks::complaint(&policy(level), &subject);
        match from.filter(|(lowest, _)| *lowest <= level) {
            None => assert_eq!(complaint, None, "{change} at {level:?}"),
            Some((_, rule)) => {
                let complaint = complaint.unwrap_or_else(|| panic!("{change} is allowed at {level:?}"));
                assert!(complaint.contains(rule), "{complaint}");
            }
        }
    }
}

fn merge(into: &mut Value, change: &Value) {
    match change {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| merge(&mut into[key], value)),
        other => *into = other.clone(),
    }
}

fn container(security: Value) -> Value {
    let mut container = careful()["spec"]["containers"][0].clone();
    merge(&mut container["securityContext"], &security);
    json!({"spec": {"containers": [container]}})
}

fn spec(spec: Value) -> Value {
    json!({ "spec": spec })
}

#[test]
fn a_careful_pod_is_taken_everywhere() {
    check(json!({}), None);
    check(container(json!({"capabilities": {"add": ["NET_BIND_SERVICE"]}})), None);
    check(
        spec(json!({"volumes": [{"name": "v", "emptyDir": {}}, {"name": "s", "secret": {"secretName": "s"}}]})),
        None,
    );
    check(spec(json!({"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_rmem", "value": "1"}]}})), None);
}

#[test]
fn what_leads_to_the_node_is_refused_from_baseline_on() {
    let baseline = |change: Value, rule: &str| check(change, Some((Level::Baseline, rule)));
    for flag in ["hostNetwork", "hostPID", "hostIPC"] {
        baseline(spec(json!({flag: true})), &format!("host namespaces ({flag}=true)"));
    }
    baseline(container(json!({"privileged": true})), "privileged (container \"c\" must not set");
    baseline(container(json!({"capabilities": {"add": ["SYS_ADMIN"]}})), "must not include \"SYS_ADMIN\"");
    baseline(spec(json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]})), "hostPath volumes (volume \"v\")");
    baseline(container(json!({"procMount": "Unmasked"})), "procMount");
    baseline(container(json!({"seLinuxOptions": {"user": "root"}})), "seLinuxOptions");
    baseline(container(json!({"seLinuxOptions": {"type": "spc_t"}})), "seLinuxOptions");
    baseline(container(json!({"appArmorProfile": {"type": "Unconfined"}})), "appArmorProfile");
    baseline(container(json!({"seccompProfile": {"type": "Unconfined"}})), "seccompProfile");
    baseline(container(json!({"windowsOptions": {"hostProcess": true}})), "hostProcess");
    baseline(spec(json!({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}})), "kernel.msgmax");
    let mut port = container(json!({}));
    port["spec"]["containers"][0]["ports"] = json!([{"containerPort": 80, "hostPort": 80}]);
    baseline(port, "hostPort (container \"c\" must not use hostPort 80)");
    let mut probe = container(json!({}));
    probe["spec"]["containers"][0]["livenessProbe"] = json!({"httpGet": {"port": 80, "host": "10.0.0.1"}});
    baseline(probe, "probe or lifecycle host");
    let mut annotated = json!({});
    annotated["metadata"]["annotations"]["container.apparmor.security.beta.kubernetes.io/c"] = json!("unconfined");
    baseline(annotated, "appArmorProfile");
}

#[test]
fn what_is_not_careful_is_refused_when_restricted() {
    let restricted = |change: Value, rule: &str| check(change, Some((Level::Restricted, rule)));
    restricted(container(json!({"allowPrivilegeEscalation": true})), "allowPrivilegeEscalation != false");
    restricted(container(json!({"capabilities": {"drop": ["NET_RAW"]}})), "unrestricted capabilities");
    restricted(container(json!({"capabilities": {"add": ["CHOWN"]}})), "unrestricted capabilities");
    restricted(container(json!({"runAsNonRoot": false})), "runAsNonRoot != true");
    restricted(container(json!({"runAsUser": 0})), "runAsUser=0");
    restricted(spec(json!({"securityContext": {"runAsUser": 0}})), "pod must not set runAsUser=0");
    restricted(spec(json!({"securityContext": {"seccompProfile": null}})), "pod or container \"c\" must set");
    restricted(spec(json!({"volumes": [{"name": "v", "nfs": {"server": "s", "path": "/"}}]})), "type \"nfs\"");
}

#[test]
fn every_sort_of_container_counts() {
    for list in ["initContainers", "ephemeralContainers"] {
        let bad = json!([{"name": "x", "securityContext": {"privileged": true}}]);
        check(spec(json!({list: bad})), Some((Level::Baseline, "container \"x\"")));
    }
}

#[test]
fn a_version_knows_only_its_own_rules() {
    let mut pod = careful();
    pod["spec"]["containers"][0]["securityContext"]["capabilities"] = Value::Null;
    let subject = Subject::of_pod(&pod).unwrap();
    let at = |minor| checks::complaint(&Policy { level: Level::Restricted, version: Version::Minor(minor) }, &subject);
    assert_eq!(at(21), None);
    assert!(at(22).unwrap().contains("unrestricted capabilities"));
}

#[test]
fn templates_are_found() {
    let template = json!({"metadata": {"annotations": {"a": "b"}}, "spec": {"hostNetwork": true, "containers": []}});
    let deployment = xebec_api::resolve("deployments").unwrap();
    let subject = Subject::of(&json!({"spec": {"template": template}}), place(deployment).unwrap()).unwrap();
    assert!(!subject.is_pod && subject.spec.host_network == Some(true));
    assert_eq!(place(xebec_api::resolve("services").unwrap()), None);
}
