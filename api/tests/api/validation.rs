//! What objects must be: good ones pass, and of bad ones everything that is wrong is said at once.

use expect_test::{Expect, expect};
use serde_json::json;
use xebec_api::{Status, field::FieldErrors};

use crate::{defaulted, errors, kind};

/// Objects that must pass.
pub(crate) const GOOD: &[(&str, &str)] = &[
    ("po", "{metadata: {name: web}, spec: {containers: [{name: c, image: i}]}}"),
    (
        "po",
        "
metadata: {name: full, labels: {app.kubernetes.io/name: web}, annotations: {A/B: x}}
spec:
  initContainers:
  - {name: setup, image: busybox, command: [sh]}
  - {name: side, image: busybox, restartPolicy: Always, startupProbe: {exec: {command: [x]}}}
  containers:
  - name: web
    image: registry:5000/shop@sha256:00
    env:
    - {name: A, value: b}
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: L, valueFrom: {fieldRef: {fieldPath: 'metadata.labels[''app'']'}}}
    - {name: K, valueFrom: {configMapKeyRef: {name: c, key: k}}}
    envFrom: [{secretRef: {name: s}}]
    ports: [{name: http, containerPort: 80}, {containerPort: 53, protocol: UDP}]
    livenessProbe: {tcpSocket: {port: http}}
    lifecycle: {preStop: {sleep: {seconds: 1}}}
    resources: {requests: {cpu: 100m}, limits: {cpu: 1, memory: 1Gi}}
    volumeMounts: [{name: data, mountPath: /data, subPath: a/b}]
    securityContext: {runAsUser: 0, privileged: true}
  volumes: [{name: data, emptyDir: {sizeLimit: 1Gi}}, {name: p, projected: {sources: [{serviceAccountToken: {path: token}}]}}]
  tolerations: [{operator: Exists}, {key: a, value: b, effect: NoExecute, tolerationSeconds: 3}]
  affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {}}]}}
  topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]
",
    ),
    ("deploy", "{metadata: {name: web}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}"),
    ("rs", "{metadata: {name: web}, spec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}"),
    ("svc", "{metadata: {name: web}, spec: {selector: {a: b}, ports: [{name: http, port: 80, targetPort: http}, {name: dns, port: 80, protocol: UDP}]}}"),
    ("svc", "{metadata: {name: web}, spec: {clusterIP: None}}"),
    ("svc", "{metadata: {name: web}, spec: {type: ExternalName, externalName: example.org}}"),
    ("cm", "{metadata: {name: a.b}, data: {app.properties: x}}"),
    ("secret", "{metadata: {name: a}, type: kubernetes.io/tls, stringData: {tls.crt: a, tls.key: b}}"),
    ("sa", "{metadata: {name: a}}"),
    ("ns", "{metadata: {name: a}}"),
    ("no", "{metadata: {name: n1.example.org}, spec: {taints: [{key: a, effect: NoSchedule}], podCIDRs: [10.42.0.0/24]}}"),
    ("lease", "{metadata: {name: a}, spec: {leaseDurationSeconds: 15}}"),
    ("cj", "{metadata: {name: a}, spec: {schedule: '* * * * *', jobTemplate: {spec: {podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]}, template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}}}"),
    ("ev", "{metadata: {name: a}, involvedObject: {namespace: default}}"),
    ("endpointslice", "{metadata: {name: a}, addressType: IPv4, endpoints: []}"),
    ("role", "{metadata: {name: 'system:x'}, rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]}"),
    ("clusterrole", "{metadata: {name: a}, rules: [{nonResourceURLs: [/metrics], verbs: [get]}]}"),
    ("rolebinding", "{metadata: {name: a}, roleRef: {kind: ClusterRole, name: 'system:x'}, subjects: [{kind: ServiceAccount, name: a, namespace: b}]}"),
];

#[test]
fn good_objects_pass() {
    for (word, text) in GOOD {
        assert_eq!(errors(word, text), "", "{word}: {text}");
    }
}

fn check(word: &str, text: &str, expect: Expect) {
    expect.assert_eq(&errors(word, text));
}

#[test]
fn metadata() {
    let text = "{metadata: {name: Web_1, labels: {-a: 'b c'}, finalizers: [orphan, foregroundDeletion, ''], ownerReferences: [{controller: true, apiVersion: v1, kind: A, name: a, uid: ''}, {controller: true, apiVersion: v1, kind: A, name: a, uid: u}]}}";
    check(
        "cm",
        text,
        expect![[r#"
            metadata.name: Invalid value: "Web_1": must be a lowercase RFC 1123 subdomain: labels of letters, digits and '-', separated by '.', with a letter or digit at both ends of each
            metadata.labels: Invalid value: "-a": the name part must consist of letters, digits, '-', '_' and '.', with a letter or digit at both ends
            metadata.labels: Invalid value: "b c": a label value must be empty or consist of letters, digits, '-', '_' and '.', with a letter or digit at both ends
            metadata.finalizers[2]: Invalid value: "": the name part must consist of letters, digits, '-', '_' and '.', with a letter or digit at both ends
            metadata.finalizers: Invalid value: ["orphan","foregroundDeletion",""]: orphan and foregroundDeletion exclude each other
            metadata.ownerReferences[0].uid: Required value: must not be empty
            metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","controller":true,"kind":"A","name":"a","uid":""},{"apiVersion":"v1","controller":true,"kind":"A","name":"a","uid":"u"}]: at most one owner may be the controller"#]],
    );
    check(
        "ns",
        "{metadata: {name: a.b}}",
        expect![[
            r#"metadata.name: Invalid value: "a.b": must be a lowercase RFC 1123 label: letters, digits and '-', with a letter or digit at both ends"#
        ]],
    );
    check(
        "cm",
        "{metadata: {generateName: a-}}",
        expect!["metadata.name: Required value: name or generateName is required"],
    );
}

#[test]
fn what_nodes_do_not_do_is_refused() {
    let text = "
metadata: {name: web}
spec:
  shareProcessNamespace: true
  hostUsers: false
  securityContext: {runAsUser: 4294967296, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: a
    image: i
    ports: [{containerPort: 80, hostPort: 8080}]
    securityContext: {runAsGroup: 2147483648, seccompProfile: {type: Localhost, localhostProfile: a.json}}
";
    check(
        "po",
        text,
        expect![[r#"
        spec.containers[0].securityContext.runAsGroup: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive
        spec.shareProcessNamespace: Forbidden: nodes do not share process namespaces
        spec.hostUsers: Forbidden: nodes do not make user namespaces
        spec.containers[0].securityContext.seccompProfile.type: Forbidden: nodes have no profiles of their own; use RuntimeDefault
        spec.containers[0].ports[0].hostPort: Forbidden: nodes do not forward ports to pods; use a Service of type NodePort, or hostNetwork
        spec.securityContext.runAsUser: Invalid value: 4294967296: must be between 0 and 2147483647, inclusive"#]],
    );
    let text = "{metadata: {name: a}, spec: {hostNetwork: true, containers: [{name: a, image: i, ports: [{containerPort: 80}]}]}}";
    check("po", text, expect![""]);
}

#[test]
fn a_pod_with_everything_wrong() {
    let text = "
metadata: {name: web}
spec:
  restartPolicy: Sometimes
  dnsPolicy: None
  activeDeadlineSeconds: 0
  terminationGracePeriodSeconds: -1
  nodeSelector: {'a b': x}
  hostname: a.b
  tolerations: [{key: a, operator: Exists, value: b}, {operator: Equal}, {key: a, tolerationSeconds: 1}]
  containers: [{name: d}, {name: d, image: i, restartPolicy: Always}]
  initContainers: [{name: d, image: i, readinessProbe: {exec: {command: [x]}}, lifecycle: {preStop: {}}}]
  volumes: [{name: v, hostPath: {path: /a/../b, type: Thing}, secret: {}}, {name: v, configMap: {name: '', defaultMode: 4096}}]
";
    check(
        "po",
        text,
        expect![[r#"
            spec.volumes[0]: Forbidden: may not specify more than 1 volume type
            spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain '..'
            spec.volumes[0].hostPath.type: Unsupported value: "Thing": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"
            spec.volumes[0].secret.secretName: Required value
            spec.volumes[1].configMap.name: Required value
            spec.volumes[1].configMap.defaultMode: Invalid value: 4096: must be a file mode between 0 and 0777 (octal)
            spec.volumes[1].name: Duplicate value: "v"
            spec.containers[0].image: Required value
            spec.containers[1].restartPolicy: Forbidden: may not be set for non-init containers
            spec.containers[1].name: Duplicate value: "d"
            spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers
            spec.initContainers[0].lifecycle: Forbidden: may not be set for init containers
            spec.initContainers[0].name: Duplicate value: "d"
            spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"
            spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0
            spec.activeDeadlineSeconds: Invalid value: 0: must be greater than or equal to 1
            spec.dnsConfig.nameservers: Required value: a server is needed when `dnsPolicy` is 'None'
            spec.hostname: Invalid value: "a.b": must be a lowercase RFC 1123 label: letters, digits and '-', with a letter or digit at both ends
            spec.nodeSelector: Invalid value: "a b": the name part must consist of letters, digits, '-', '_' and '.', with a letter or digit at both ends
            spec.tolerations[0].operator: Invalid value: "b": `value` must be empty when `operator` is 'Exists'
            spec.tolerations[1].operator: Invalid value: "Equal": must be 'Exists' when `key` is empty: that tolerates everything
            spec.tolerations[2].effect: Invalid value: "": must be 'NoExecute' when `tolerationSeconds` is set"#]],
    );
    check("po", "{metadata: {name: web}, spec: {}}", expect!["spec.containers: Required value"]);
    check("po", "{metadata: {name: web}}", expect!["spec.containers: Required value"]);
}

#[test]
fn a_container_with_everything_wrong() {
    let text = "
metadata: {name: web}
spec:
  containers:
  - name: C
    image: ' i'
    imagePullPolicy: Often
    ports: [{containerPort: 0}, {containerPort: 70000, protocol: ICMP}, {name: http_1, containerPort: 1}]
    env: [{name: ''}, {name: A=B}, {name: C, value: x, valueFrom: {fieldRef: {fieldPath: spec.secret}}}, {name: D, valueFrom: {}}]
    volumeMounts: [{name: missing, mountPath: /a}, {name: v, mountPath: /a, subPath: ../x}]
    readinessProbe: {httpGet: {port: 0, scheme: FTP}, exec: {command: []}}
    livenessProbe: {successThreshold: 2, tcpSocket: {port: 80}}
    resources: {requests: {cpu: 2, memory: lots}, limits: {cpu: 1, memory: -1, pods: 3}}
    securityContext: {privileged: true, allowPrivilegeEscalation: false, runAsUser: -1}
  volumes: [{name: v}]
";
    check(
        "po",
        text,
        expect![[r#"
            spec.containers[0].name: Invalid value: "C": must be a lowercase RFC 1123 label: letters, digits and '-', with a letter or digit at both ends
            spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace
            spec.containers[0].imagePullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"
            spec.containers[0].ports[0].containerPort: Required value
            spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive
            spec.containers[0].ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"
            spec.containers[0].ports[2].name: Invalid value: "http_1": must consist of lowercase letters, digits and '-', with at least one letter, and no '-' at an end or doubled
            spec.containers[0].env[0].name: Required value
            spec.containers[0].env[1].name: Invalid value: "A=B": must consist of printable ASCII characters other than '='
            spec.containers[0].env[2].valueFrom: Invalid value: "": may not be specified when `value` is not empty
            spec.containers[0].env[2].valueFrom.fieldRef.fieldPath: Unsupported value: "spec.secret": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"
            spec.containers[0].env[3].valueFrom: Invalid value: "": must specify one of its sources
            spec.containers[0].volumeMounts[0].name: Not found: "missing"
            spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique
            spec.containers[0].volumeMounts[1].subPath: Invalid value: "../x": must not contain '..'
            spec.containers[0].resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0
            spec.containers[0].resources.limits[pods]: Invalid value: "pods": must be a standard resource for containers
            spec.containers[0].resources.requests[memory]: Invalid value: "lots": a quantity is a number with an optional suffix: one of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei, or an exponent such as e3
            spec.containers[0].resources.requests[pods]: Invalid value: "pods": must be a standard resource for containers
            spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1
            spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive
            spec.containers[0].securityContext.allowPrivilegeEscalation: Invalid value: false: cannot be false when `privileged` is true
            spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1
            spec.containers[0].readinessProbe: Forbidden: may not specify more than 1 handler type
            spec.containers[0].readinessProbe.exec.command: Required value
            spec.containers[0].readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive
            spec.containers[0].readinessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS""#]],
    );
}

#[test]
fn deployments() {
    let text = "
metadata: {name: web}
spec:
  replicas: -1
  progressDeadlineSeconds: 5
  minReadySeconds: 5
  selector: {matchLabels: {a: b}}
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 0%}}
  template: {metadata: {labels: {a: c}}, spec: {restartPolicy: Never, containers: []}}
";
    check(
        "deploy",
        text,
        expect![[r#"
        spec.replicas: Invalid value: -1: must be greater than or equal to 0
        spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`
        spec.template.spec.containers: Required value
        spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"
        spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0
        spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds"#]],
    );
    check(
        "deploy",
        "{metadata: {name: web}, spec: {selector: {}, strategy: {type: Recreate, rollingUpdate: {maxSurge: -5%}}, template: {}}}",
        expect![[r#"
            spec.selector: Required value: a selector that is empty would select every pod
            spec.template.spec.containers: Required value
            spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"#]],
    );
    check(
        "deploy",
        "{metadata: {name: web}}",
        expect![[r#"
        spec.selector: Required value: a selector that is empty would select every pod
        spec.template.spec.containers: Required value"#]],
    );
    check(
        "rs",
        "{metadata: {name: web}, spec: {selector: {matchExpressions: [{key: a, operator: Near}]}}}",
        expect![[r#"
            spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"Near"}]}: "Near" is not a valid label selector operator
            spec.template.spec.containers: Required value"#]],
    );
}

#[test]
fn services() {
    check(
        "svc",
        "{metadata: {name: 1web}, spec: {type: Magic, sessionAffinity: Maybe, clusterIP: here}}",
        expect![[r#"
            metadata.name: Invalid value: "1web": must be a DNS-1035 label: lowercase letters, digits and '-', with a letter first and a letter or digit last
            spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"
            spec.clusterIP: Invalid value: "here": must be an IP address, such as 10.42.0.7
            spec.ports: Required value
            spec.sessionAffinity: Unsupported value: "Maybe": supported values: "ClientIP", "None""#]],
    );
    let text = "{metadata: {name: web}, spec: {externalTrafficPolicy: Local, loadBalancerSourceRanges: [x], ports: [{port: 80, nodePort: 30000}, {port: 80, name: A, targetPort: a_b}, {port: 0, name: b, protocol: X}]}}";
    check(
        "svc",
        text,
        expect![[r#"
            spec.loadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'
            spec.loadBalancerSourceRanges[0]: Invalid value: "x": must be a valid CIDR value
            spec.ports[0].name: Required value
            spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'
            spec.ports[1].name: Invalid value: "A": must be a lowercase RFC 1123 label: letters, digits and '-', with a letter or digit at both ends
            spec.ports[1].targetPort: Invalid value: "a_b": must consist of lowercase letters, digits and '-', with at least one letter, and no '-' at an end or doubled
            spec.ports[1]: Duplicate value: "80/TCP"
            spec.ports[2].port: Invalid value: 0: must be between 1 and 65535, inclusive
            spec.ports[2].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"
            spec.ports[2].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive
            spec.externalTrafficPolicy: Invalid value: "Local": is for services that are reached from outside of the cluster"#]],
    );
    check(
        "svc",
        "{metadata: {name: web}, spec: {type: ExternalName, clusterIP: 10.0.0.1}}",
        expect![[r#"
        spec.externalName: Required value
        spec.clusterIP: Forbidden: may not be set when `type` is 'ExternalName'"#]],
    );
}

#[test]
fn data_roles_and_the_rest() {
    check(
        "cm",
        "{metadata: {name: a}, data: {'a b': x, ..c: z}, binaryData: {'a b': eA==}}",
        expect![[r#"
        data[..c]: Invalid value: "..c": may not begin with '..'
        data[a b]: Invalid value: "a b": must consist of letters, digits, '-', '_' and '.'
        binaryData[a b]: Invalid value: "a b": must consist of letters, digits, '-', '_' and '.'
        binaryData[a b]: Invalid value: "a b": duplicate of key present in data"#]],
    );
    check(
        "secret",
        "{metadata: {name: a}, type: kubernetes.io/tls, stringData: {'top secret': hush}}",
        expect![[r#"
            data[top secret]: Invalid value: "top secret": must consist of letters, digits, '-', '_' and '.'
            data[tls.crt]: Required value
            data[tls.key]: Required value"#]],
    );
    check(
        "role",
        "{metadata: {name: a/b}, rules: [{verbs: []}, {verbs: [get], nonResourceURLs: [/x]}]}",
        expect![[r#"
            metadata.name: Invalid value: "a/b": may not contain '/' or '%'
            rules[0].verbs: Required value: a rule needs a verb
            rules[0].apiGroups: Required value: a rule for resources needs an API group
            rules[0].resources: Required value: a rule for resources needs a resource
            rules[1].nonResourceURLs: Invalid value: ["/x"]: a role within a namespace cannot speak of paths outside of it"#]],
    );
    check(
        "clusterrolebinding",
        "{metadata: {name: a}, roleRef: {kind: Role, name: ''}, subjects: [{kind: Robot, name: r}, {kind: ServiceAccount, name: s}]}",
        expect![[r#"
            roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"
            roleRef.name: Required value
            subjects[0].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"
            subjects[1].namespace: Required value"#]],
    );
    check(
        "no",
        "{metadata: {name: a}, spec: {podCIDRs: [x], taints: [{key: a, effect: Never}, {key: a, effect: Never}]}}",
        expect![[r#"
            spec.taints[0].effect: Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "PreferNoSchedule"
            spec.taints[1].effect: Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "PreferNoSchedule"
            spec.taints[1]: Duplicate value: "a:Never"
            spec.podCIDRs[0]: Invalid value: "x": must be a valid CIDR value"#]],
    );
    check(
        "ev",
        "{metadata: {name: a}, involvedObject: {namespace: other}}",
        expect![[r#"involvedObject.namespace: Invalid value: "other": does not match event.namespace"#]],
    );
    check(
        "lease",
        "{metadata: {name: a}, spec: {leaseDurationSeconds: 0}}",
        expect!["spec.leaseDurationSeconds: Invalid value: 0: must be greater than or equal to 1"],
    );
}

#[test]
fn no_value_of_a_secret_is_ever_shown() {
    let text = errors("secret", "{metadata: {name: a}, type: kubernetes.io/tls, stringData: {'top secret': hush}}");
    assert!(!text.contains("hush") && !text.contains("aHVzaA"), "{text}");
}

#[test]
fn a_refusal_reads_as_kubernetes_writes_it() {
    let object = defaulted(
        "deploy",
        "{metadata: {name: web}, spec: {replicas: -1, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}",
    );
    let errors: FieldErrors = kind("deploy").validate_create(&object);
    let status = Status::invalid(kind("deploy"), "web", &errors);
    let expect = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "code": 422, "reason": "Invalid",
        "message": "Deployment.apps \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        "details": {
            "name": "web", "group": "apps", "kind": "Deployment",
            "causes": [{ "field": "spec.replicas", "reason": "FieldValueInvalid", "message": "Invalid value: -1: must be greater than or equal to 0" }],
        },
    });
    assert_eq!(status.to_json(), expect);
    assert_eq!(Status::from_json(&expect), Some(status));
    assert_eq!(Status::not_found(kind("deploy"), "web").message, "deployments.apps \"web\" not found");
}
