//! What the API fills in: the whole object, as a client reads it back.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::{defaulted, kind};

fn check(word: &str, text: &str, expect: Expect) {
    let mut lines = Vec::new();
    flatten("spec", &defaulted(word, text)["spec"], &mut lines);
    expect.assert_eq(&lines.join("\n"));
}

/// One line a value, so that a default is seen with its path.
fn flatten(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(key, inner)| flatten(&format!("{path}.{key}"), inner, lines));
        }
        Value::Array(list) if !list.is_empty() => {
            list.iter().enumerate().for_each(|(index, inner)| flatten(&format!("{path}[{index}]"), inner, lines));
        }
        leaf => lines.push(format!("{path}: {leaf}")),
    }
}

#[test]
fn a_pod_of_one_line() {
    let text = "
metadata: {name: web}
spec:
  hostNetwork: true
  serviceAccountName: shop
  containers:
  - name: web
    image: shop
    ports: [{containerPort: 80}]
    readinessProbe: {httpGet: {port: 80}}
    resources: {limits: {cpu: 0.5, memory: 1024Mi}}
  volumes: [{name: a}, {name: b, configMap: {name: c}}]
";
    check(
        "po",
        text,
        expect![[r#"
            spec.containers[0].image: "shop"
            spec.containers[0].imagePullPolicy: "Always"
            spec.containers[0].name: "web"
            spec.containers[0].ports[0].containerPort: 80
            spec.containers[0].ports[0].hostPort: 80
            spec.containers[0].ports[0].protocol: "TCP"
            spec.containers[0].readinessProbe.failureThreshold: 3
            spec.containers[0].readinessProbe.httpGet.path: "/"
            spec.containers[0].readinessProbe.httpGet.port: 80
            spec.containers[0].readinessProbe.httpGet.scheme: "HTTP"
            spec.containers[0].readinessProbe.periodSeconds: 10
            spec.containers[0].readinessProbe.successThreshold: 1
            spec.containers[0].readinessProbe.timeoutSeconds: 1
            spec.containers[0].resources.limits.cpu: "500m"
            spec.containers[0].resources.limits.memory: "1Gi"
            spec.containers[0].resources.requests.cpu: "500m"
            spec.containers[0].resources.requests.memory: "1Gi"
            spec.containers[0].terminationMessagePath: "/dev/termination-log"
            spec.containers[0].terminationMessagePolicy: "File"
            spec.dnsPolicy: "ClusterFirst"
            spec.enableServiceLinks: true
            spec.hostNetwork: true
            spec.restartPolicy: "Always"
            spec.schedulerName: "default-scheduler"
            spec.securityContext: {}
            spec.serviceAccount: "shop"
            spec.serviceAccountName: "shop"
            spec.terminationGracePeriodSeconds: 30
            spec.volumes[0].emptyDir: {}
            spec.volumes[0].name: "a"
            spec.volumes[1].configMap.defaultMode: 420
            spec.volumes[1].configMap.name: "c"
            spec.volumes[1].name: "b""#]],
    );
}

#[test]
fn a_deployment_of_one_line() {
    let text = "
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'shop:1', resources: {limits: {cpu: 1}}}]}
";
    check(
        "deploy",
        text,
        expect![[r#"
            spec.progressDeadlineSeconds: 600
            spec.replicas: 1
            spec.revisionHistoryLimit: 10
            spec.selector.matchLabels.app: "web"
            spec.strategy.rollingUpdate.maxSurge: "25%"
            spec.strategy.rollingUpdate.maxUnavailable: "25%"
            spec.strategy.type: "RollingUpdate"
            spec.template.metadata.labels.app: "web"
            spec.template.spec.containers[0].image: "shop:1"
            spec.template.spec.containers[0].imagePullPolicy: "IfNotPresent"
            spec.template.spec.containers[0].name: "web"
            spec.template.spec.containers[0].resources.limits.cpu: "1"
            spec.template.spec.containers[0].terminationMessagePath: "/dev/termination-log"
            spec.template.spec.containers[0].terminationMessagePolicy: "File"
            spec.template.spec.dnsPolicy: "ClusterFirst"
            spec.template.spec.restartPolicy: "Always"
            spec.template.spec.schedulerName: "default-scheduler"
            spec.template.spec.securityContext: {}
            spec.template.spec.terminationGracePeriodSeconds: 30"#]],
    );
}

#[test]
fn services() {
    check(
        "svc",
        "{metadata: {name: web}, spec: {ports: [{port: 80}, {port: 53, protocol: UDP, targetPort: dns}]}}",
        expect![[r#"
            spec.internalTrafficPolicy: "Cluster"
            spec.ports[0].port: 80
            spec.ports[0].protocol: "TCP"
            spec.ports[0].targetPort: 80
            spec.ports[1].port: 53
            spec.ports[1].protocol: "UDP"
            spec.ports[1].targetPort: "dns"
            spec.sessionAffinity: "None"
            spec.type: "ClusterIP""#]],
    );
    check(
        "svc",
        "{metadata: {name: web}, spec: {type: LoadBalancer, sessionAffinity: ClientIP, ports: [{port: 80, targetPort: 0}]}}",
        expect![[r#"
            spec.allocateLoadBalancerNodePorts: true
            spec.externalTrafficPolicy: "Cluster"
            spec.internalTrafficPolicy: "Cluster"
            spec.ports[0].port: 80
            spec.ports[0].protocol: "TCP"
            spec.ports[0].targetPort: 80
            spec.sessionAffinity: "ClientIP"
            spec.sessionAffinityConfig.clientIP.timeoutSeconds: 10800
            spec.type: "LoadBalancer""#]],
    );
}

#[test]
fn string_data_becomes_data() {
    let secret =
        defaulted("secret", "{metadata: {name: s}, stringData: {user: admin}, data: {user: eA==, other: eQ==}}");
    assert_eq!(secret["data"], json!({ "user": "YWRtaW4=", "other": "eQ==" }));
    assert_eq!(secret.get("stringData"), None);
    assert_eq!(secret["type"], "Opaque");
}

#[test]
fn bindings_name_their_group() {
    let text = "{metadata: {name: b}, roleRef: {kind: Role, name: r}, subjects: [{kind: User, name: ann}, {kind: ServiceAccount, name: s}]}";
    let binding = defaulted("rolebinding", text);
    assert_eq!(binding["roleRef"]["apiGroup"], "rbac.authorization.k8s.io");
    assert_eq!(binding["subjects"][0]["apiGroup"], "rbac.authorization.k8s.io");
    assert_eq!(binding["subjects"][1].get("apiGroup"), None);
}

#[test]
fn defaulting_twice_changes_nothing() {
    for (word, text) in crate::validation::GOOD {
        let once = defaulted(word, text);
        let mut twice = once.clone();
        kind(word).apply_defaults(&mut twice);
        assert_eq!(once, twice, "{word}");
    }
}

#[test]
fn nulls_say_nothing() {
    let text = "{metadata: {name: a, creationTimestamp: null}, data: {k: v}, immutable: null}";
    let expect = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a", "namespace": "default" }, "data": { "k": "v" } });
    assert_eq!(defaulted("cm", text), expect);
}
