//! What the API fills in: the whole object, as a client reads it back.

use expect_test::{Expect, expect};
use serde_json::json;

use crate::{defaulted, kind};

fn check(word: &str, text: &str, expect: Expect) {
    let object = defaulted(word, text);
    expect.assert_eq(&serde_json::to_string_pretty(&object["spec"]).expect("JSON"));
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
    check("po", text, expect![[r#"
        {
          "containers": [
            {
              "image": "shop",
              "imagePullPolicy": "Always",
              "name": "web",
              "ports": [
                {
                  "containerPort": 80,
                  "hostPort": 80,
                  "protocol": "TCP"
                }
              ],
              "readinessProbe": {
                "failureThreshold": 3,
                "httpGet": {
                  "path": "/",
                  "port": 80,
                  "scheme": "HTTP"
                },
                "periodSeconds": 10,
                "successThreshold": 1,
                "timeoutSeconds": 1
              },
              "resources": {
                "limits": {
                  "cpu": "500m",
                  "memory": "1Gi"
                },
                "requests": {
                  "cpu": "500m",
                  "memory": "1Gi"
                }
              },
              "terminationMessagePath": "/dev/termination-log",
              "terminationMessagePolicy": "File"
            }
          ],
          "dnsPolicy": "ClusterFirst",
          "enableServiceLinks": true,
          "hostNetwork": true,
          "restartPolicy": "Always",
          "schedulerName": "default-scheduler",
          "securityContext": {},
          "serviceAccount": "shop",
          "serviceAccountName": "shop",
          "terminationGracePeriodSeconds": 30,
          "volumes": [
            {
              "emptyDir": {},
              "name": "a"
            },
            {
              "configMap": {
                "defaultMode": 420,
                "name": "c"
              },
              "name": "b"
            }
          ]
        }"#]]);
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
    check("deploy", text, expect![[r#"
        {
          "progressDeadlineSeconds": 600,
          "replicas": 1,
          "revisionHistoryLimit": 10,
          "selector": {
            "matchLabels": {
              "app": "web"
            }
          },
          "strategy": {
            "rollingUpdate": {
              "maxSurge": "25%",
              "maxUnavailable": "25%"
            },
            "type": "RollingUpdate"
          },
          "template": {
            "metadata": {
              "labels": {
                "app": "web"
              }
            },
            "spec": {
              "containers": [
                {
                  "image": "shop:1",
                  "imagePullPolicy": "IfNotPresent",
                  "name": "web",
                  "resources": {
                    "limits": {
                      "cpu": "1"
                    }
                  },
                  "terminationMessagePath": "/dev/termination-log",
                  "terminationMessagePolicy": "File"
                }
              ],
              "dnsPolicy": "ClusterFirst",
              "restartPolicy": "Always",
              "schedulerName": "default-scheduler",
              "securityContext": {},
              "terminationGracePeriodSeconds": 30
            }
          }
        }"#]]);
}

#[test]
fn services() {
    check(
        "svc",
        "{metadata: {name: web}, spec: {ports: [{port: 80}, {port: 53, protocol: UDP, targetPort: dns}]}}",
        expect![[r#"
            {
              "internalTrafficPolicy": "Cluster",
              "ports": [
                {
                  "port": 80,
                  "protocol": "TCP",
                  "targetPort": 80
                },
                {
                  "port": 53,
                  "protocol": "UDP",
                  "targetPort": "dns"
                }
              ],
              "sessionAffinity": "None",
              "type": "ClusterIP"
            }"#]],
    );
    check(
        "svc",
        "{metadata: {name: web}, spec: {type: LoadBalancer, sessionAffinity: ClientIP, ports: [{port: 80, targetPort: 0}]}}",
        expect![[r#"
            {
              "allocateLoadBalancerNodePorts": true,
              "externalTrafficPolicy": "Cluster",
              "internalTrafficPolicy": "Cluster",
              "ports": [
                {
                  "port": 80,
                  "protocol": "TCP",
                  "targetPort": 80
                }
              ],
              "sessionAffinity": "ClientIP",
              "sessionAffinityConfig": {
                "clientIP": {
                  "timeoutSeconds": 10800
                }
              },
              "type": "LoadBalancer"
            }"#]],
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
