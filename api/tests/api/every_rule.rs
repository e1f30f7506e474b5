//! Bad objects of the kinds that have no story of their own: everything that is wrong with them is said at once.

use std::fmt::Write as _;

use expect_test::{Expect, expect, expect_file};
use xebec_api::Subresource;
use xebec_api::patch::merge;

use crate::{defaulted, errors, kind, yaml};

/// Objects with everything wrong.
const BAD: &[(&str, &str)] = &[
    ("volumeattachment", "{metadata: {name: a}}"),
    (
        "ep",
        "{metadata: {name: a}, subsets: [{addresses: [{ip: ''}, {ip: 010.0.0.1}], ports: [{port: 0, protocol: ICMP}]}]}",
    ),
    (
        "limits",
        "{metadata: {name: a}, spec: {limits: [{type: Container, max: {cpu: 1}, min: {cpu: 2}, maxLimitRequestRatio: {cpu: 100m}}, {type: Container}, {type: Pod, default: {cpu: 1}}, {type: PersistentVolumeClaim}]}}",
    ),
    (
        "pv",
        "{metadata: {name: a}, spec: {capacity: {storage: -1}, accessModes: [Sometimes, ReadWriteOncePod], persistentVolumeReclaimPolicy: Keep, local: {path: /a}, hostPath: {path: /a/../b}}}",
    ),
    ("pv", "{metadata: {name: a}, spec: {}}"),
    (
        "pvc",
        "{metadata: {name: a}, spec: {volumeMode: Tape, storageClassName: A, selector: {matchLabels: {-: b}}, resources: {requests: {storage: 0}}}}",
    ),
    (
        "quota",
        "{metadata: {name: a}, spec: {hard: {pods: 1.5, happiness: 3, requests.cpu: -1}, scopes: [BestEffort, NotBestEffort, Never], scopeSelector: {matchExpressions: [{scopeName: Terminating, operator: In}, {scopeName: PriorityClass, operator: Exists, values: [a]}]}}}",
    ),
    (
        "rc",
        "{metadata: {name: a}, spec: {replicas: -1, selector: {a: b}, template: {metadata: {labels: {a: c}}, spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}",
    ),
    ("podtemplate", "{metadata: {name: a}, template: {spec: {containers: []}}}"),
    (
        "ds",
        "{metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, updateStrategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 0}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}",
    ),
    (
        "ds",
        "{metadata: {name: a}, spec: {minReadySeconds: -1, selector: {matchLabels: {a: b}}, updateStrategy: {type: Slowly}, template: {metadata: {labels: {a: c}}, spec: {containers: [{name: c}]}}}}",
    ),
    (
        "sts",
        "{metadata: {name: a.b}, spec: {replicas: -1, ordinals: {start: -1}, podManagementPolicy: Random, persistentVolumeClaimRetentionPolicy: {whenScaled: Burn}, updateStrategy: {rollingUpdate: {partition: -1}}, volumeClaimTemplates: [{spec: {}}], selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}",
    ),
    ("controllerrevision", "{metadata: {name: a}, revision: -1}"),
    (
        "job",
        "{metadata: {name: a}, spec: {completions: -1, completionMode: Guess, backoffLimitPerIndex: 1, maxFailedIndexes: 1, podReplacementPolicy: Maybe, managedBy: me, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}, spec: {containers: [{name: c, image: i}]}}}}",
    ),
    (
        "job",
        "{metadata: {name: a}, spec: {completionMode: Indexed, parallelism: 100001, selector: {matchLabels: {a: b}}, podFailurePolicy: {rules: [{action: FailIndex}, {action: Cheer, onExitCodes: {operator: In, values: [0, 1, 1], containerName: x}}]}, successPolicy: {rules: [{}]}, template: {metadata: {labels: {a: b}}, spec: {restartPolicy: OnFailure, containers: [{name: c, image: i}]}}}}",
    ),
    (
        "cj",
        "{metadata: {name: a-name-that-is-much-too-long-for-the-jobs-that-are-made-of-it}, spec: {schedule: 'TZ=UTC 61 * * * *', timeZone: Mars/Base, concurrencyPolicy: Queue, failedJobsHistoryLimit: -1, jobTemplate: {spec: {template: {spec: {restartPolicy: Always, containers: [{name: c, image: i}]}}}}}}",
    ),
    (
        "cj",
        "{metadata: {name: a}, spec: {schedule: '61 * * * *', timeZone: Local, jobTemplate: {spec: {manualSelector: true, template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}}}",
    ),
    (
        "cj",
        "{metadata: {name: a}, spec: {schedule: '* * * * *', jobTemplate: {spec: {parallelism: -1, completionMode: Guess, podReplacementPolicy: TerminatingOrFailed, podFailurePolicy: {rules: [{action: Cheer, onExitCodes: {operator: Near, values: []}}]}, successPolicy: {rules: []}, template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}}}",
    ),
    (
        "hpa",
        "{metadata: {name: a}, spec: {scaleTargetRef: {kind: a/b}, minReplicas: 5, maxReplicas: 3, metrics: [{type: Luck}, {type: Pods, resource: {name: cpu, target: {type: Utilization}}}, {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 0, averageValue: 0}}}], behavior: {scaleUp: {selectPolicy: Any, stabilizationWindowSeconds: 4000, policies: [{type: All, value: 0, periodSeconds: 2000}]}}}}",
    ),
    (
        "pdb",
        "{metadata: {name: a}, spec: {minAvailable: 101%, maxUnavailable: -1, unhealthyPodEvictionPolicy: Always, selector: {matchExpressions: [{key: a, operator: Near}]}}}",
    ),
    (
        "endpointslice",
        "{metadata: {name: a}, addressType: IPv4, endpoints: [{addresses: ['::1', 10.0.0.1]}, {addresses: []}], ports: [{port: 70000}, {protocol: X}]}",
    ),
    (
        "ing",
        "{metadata: {name: a}, spec: {ingressClassName: A, tls: [{hosts: [10.0.0.1]}], rules: [{host: '*.a_b', http: {paths: [{path: b, backend: {}}, {path: /a//b, pathType: Exact, backend: {service: {name: 1a, port: {name: x, number: 1}}}}]}}, {http: {paths: []}}]}}",
    ),
    ("ing", "{metadata: {name: a}, spec: {}}"),
    ("ingressclass", "{metadata: {name: a}, spec: {controller: nobody, parameters: {scope: Namespace, kind: a/b}}}"),
    (
        "netpol",
        "{metadata: {name: a}, spec: {policyTypes: [Sideways], podSelector: {matchLabels: {-: b}}, ingress: [{from: [{}, {ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/8]}}, {ipBlock: {cidr: x}, podSelector: {}}]}], egress: [{ports: [{port: 80, endPort: 70}, {endPort: 1}, {port: a_b, protocol: X}]}]}}",
    ),
    ("ip", "{metadata: {name: 10.0.0.01}, spec: {parentRef: {resource: a/b}}}"),
    ("servicecidr", "{metadata: {name: a}, spec: {cidrs: [10.0.0.1/8, 11.0.0.0/8]}}"),
    (
        "sc",
        "{metadata: {name: a}, provisioner: a b, reclaimPolicy: Recycle, volumeBindingMode: Later, allowedTopologies: [{matchLabelExpressions: [{key: '', values: []}]}]}",
    ),
    ("volumeattachment", "{metadata: {name: a}, spec: {attacher: A_b, nodeName: ''}}"),
    (
        "csidriver",
        "{metadata: {name: a}, spec: {fsGroupPolicy: Some, volumeLifecycleModes: [Forever], tokenRequests: [{audience: a, expirationSeconds: 1}, {audience: a}]}}",
    ),
    (
        "csinode",
        "{metadata: {name: a}, spec: {drivers: [{name: a, nodeID: '', topologyKeys: ['a b']}, {name: a, nodeID: x, allocatable: {count: -1}}]}}",
    ),
    ("csistoragecapacity", "{metadata: {name: a}, capacity: -1}"),
    ("vac", "{metadata: {name: a}, driverName: A_b}"),
    ("pc", "{metadata: {name: system-mine}, value: 5, preemptionPolicy: Sometimes}"),
    ("pc", "{metadata: {name: a}, value: 1000000001}"),
    ("runtimeclass", "{metadata: {name: a}, handler: A.b, overhead: {podFixed: {cpu: -1}}}"),
    ("csr", "{metadata: {name: a}, spec: {request: eA==, signerName: me, usages: [flying], expirationSeconds: 5}}"),
    (
        "flowschema",
        "{metadata: {name: a}, spec: {matchingPrecedence: 1, priorityLevelConfiguration: {name: ''}, distinguisherMethod: {type: ByLuck}, rules: [{subjects: [{kind: User, group: {name: a}}]}, {subjects: [{kind: Group, group: {name: a}}], resourceRules: [{verbs: [get], apiGroups: [''], resources: [pods]}]}]}}",
    ),
    (
        "prioritylevelconfiguration",
        "{metadata: {name: a}, spec: {type: Exempt, limited: {lendablePercent: 101, limitResponse: {type: Reject, queuing: {queues: 4}}}}}",
    ),
    (
        "prioritylevelconfiguration",
        "{metadata: {name: a}, spec: {type: Limited, limited: {limitResponse: {type: Queue, queuing: {queues: 4, handSize: 5}}}}}",
    ),
    ("deviceclass", "{metadata: {name: a}, spec: {selectors: [{}], config: [{opaque: {driver: A_b}}]}}"),
    (
        "resourceclaim",
        "{metadata: {name: a}, spec: {devices: {requests: [{name: A}, {name: b, exactly: {deviceClassName: '', allocationMode: Some}}, {name: b, exactly: {deviceClassName: c, allocationMode: All, count: 3}}]}}}",
    ),
    ("resourceclaimtemplate", "{metadata: {name: a}, spec: {spec: {devices: {requests: [{name: a}]}}}}"),
    (
        "resourceslice",
        "{metadata: {name: a}, spec: {driver: A_b, allNodes: true, nodeName: n1, devices: [{name: a}, {name: a}]}}",
    ),
    (
        "mutatingwebhookconfiguration",
        "{metadata: {name: a}, webhooks: [{name: a.b, sideEffects: Some, admissionReviewVersions: [v7], failurePolicy: Shrug, timeoutSeconds: 31, clientConfig: {url: 'http://me@a', service: {name: '', namespace: a}}, rules: [{operations: ['*', CREATE], apiGroups: [], apiVersions: [''], resources: ['*/*', pods], scope: World}]}]}",
    ),
    (
        "validatingwebhookconfiguration",
        "{metadata: {name: a}, webhooks: [{name: a.b.c, clientConfig: {}}, {name: a.b.c}]}",
    ),
    (
        "validatingadmissionpolicy",
        "{metadata: {name: a}, spec: {failurePolicy: Shrug, paramKind: {kind: A}, matchConditions: [{name: a, expression: x}, {name: a}], variables: [{name: ''}]}}",
    ),
    (
        "validatingadmissionpolicybinding",
        "{metadata: {name: a}, spec: {policyName: A_b, validationActions: [Deny, Warn, Cry], paramRef: {name: a, selector: {}}}}",
    ),
    (
        "crd",
        "{metadata: {name: carts.shop.example}, spec: {group: shop.example, scope: Namespaced, names: {plural: carts, singular: cart, kind: Cart, listKind: CartList}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {items: {type: array, default: [{size: big, colour: red}], items: {type: object, properties: {size: {type: integer}}}}}}}}]}}",
    ),
    (
        "crd",
        "{metadata: {name: a}, spec: {group: shop, scope: World, names: {plural: Carts, kind: Cart, listKind: Cart}, conversion: {strategy: Webhook}, versions: [{name: v1, served: true, storage: true}, {name: v1, served: true, storage: true}]}}",
    ),
    (
        "apiservice",
        "{metadata: {name: a}, spec: {group: shop.example, version: v1, groupPriorityMinimum: 0, versionPriority: 1001, caBundle: eA==, insecureSkipTLSVerify: true}}",
    ),
];

#[test]
fn bad_objects_are_told_everything() {
    let mut out = String::new();
    for (word, text) in BAD {
        let found = errors(word, text);
        assert_ne!(found, "", "{word}: {text}");
        writeln!(out, "{word}\n  {}\n", found.replace('\n', "\n  ")).expect("a string takes all");
    }
    expect_file!["refusals.txt"].assert_eq(&out);
}

/// What is wrong with laying `patch` over a stored object.
fn change(word: &str, object: &str, patch: &str, expect: Expect) {
    let mut old = defaulted(word, object);
    old["metadata"]["uid"] = "u1".into();
    kind(word).prepare_create(&mut old);
    old["status"] = yaml(object)["status"].clone();
    let mut new = merge::apply(&old, &yaml(patch)).expect("a patch");
    kind(word).apply_defaults(&mut new);
    kind(word).prepare_update(&mut new, &old);
    let found: Vec<String> = kind(word).validate_update(&new, &old).iter().map(ToString::to_string).collect();
    expect.assert_eq(&found.join("\n"));
}

#[test]
fn what_stays_of_workloads() {
    let job = "{metadata: {name: a}, spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}";
    change(
        "job",
        job,
        "{spec: {parallelism: 2, suspend: false, template: {spec: {nodeSelector: {a: b}}}}}",
        expect![""],
    );
    let began = job.replace("}}}}", "}}}, status: {startTime: '2030-01-01T00:00:00Z'}}");
    change(
        "job",
        &began,
        "{spec: {completions: 2, template: {spec: {nodeSelector: {a: b}}}}}",
        expect![[r#"
        spec.completions: Invalid value: 2: field is immutable
        spec.template: Invalid value: {"metadata":{"labels":{"batch.kubernetes.io/controller-uid":"u1","batch.kubernetes.io/job-name":"a","controller-uid":"u1","job-name":"a"}},"spec":{"containers":[{"image":"i","imagePullPolicy":"Always","name":"c","resources":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}],"dnsPolicy":"ClusterFirst","nodeSelector":{"a":"b"},"restartPolicy":"Never","schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":30}}: field is immutable"#]],
    );
    let set = "{metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}";
    change(
        "sts",
        set,
        "{spec: {replicas: 3, serviceName: other}}",
        expect![
            "spec: Forbidden: updates to statefulset spec for fields other than 'minReadySeconds', 'ordinals', 'persistentVolumeClaimRetentionPolicy', 'replicas', 'revisionHistoryLimit', 'template', 'updateStrategy' are forbidden"
        ],
    );
    change(
        "ds",
        set,
        "{spec: {selector: {matchLabels: {x: b}}}}",
        expect![[r#"
        spec.selector: Invalid value: {"matchLabels":{"a":"b","x":"b"}}: field is immutable
        spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`"#]],
    );
}

#[test]
fn what_stays_of_storage_and_classes() {
    let claim = "{metadata: {name: a}, spec: {accessModes: [ReadWriteOnce], volumeName: v, resources: {requests: {storage: 2Gi}}}, status: {phase: Bound}}";
    change("pvc", claim, "{spec: {resources: {requests: {storage: 3Gi}}}}", expect![""]);
    change(
        "pvc",
        claim,
        "{spec: {volumeName: w, resources: {requests: {storage: 1Gi}}}}",
        expect![[r#"
        spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims
        spec.resources.requests.storage: Forbidden: field can not be less than previous value"#]],
    );
    let volume =
        "{metadata: {name: a}, spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /a}}}";
    change("pv", volume, "{spec: {persistentVolumeReclaimPolicy: Delete}}", expect![""]);
    change(
        "pv",
        volume,
        "{spec: {hostPath: {path: /b}, volumeMode: Block}}",
        expect![[r#"
        spec.volumeMode: Invalid value: "Block": field is immutable
        spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation"#]],
    );
    change(
        "sc",
        "{metadata: {name: a}, provisioner: a/b}",
        "{provisioner: a/c, allowVolumeExpansion: true}",
        expect![[r#"provisioner: Invalid value: "a/c": field is immutable"#]],
    );
    change(
        "pc",
        "{metadata: {name: a}, value: 1}",
        "{value: 2, description: x}",
        expect!["value: Invalid value: 2: field is immutable"],
    );
    change(
        "quota",
        "{metadata: {name: a}, spec: {scopes: [BestEffort]}}",
        "{spec: {scopes: []}}",
        expect!["spec.scopes: Invalid value: []: field is immutable"],
    );
}

#[test]
fn a_pod_is_looked_into_and_resized() {
    let old = defaulted(
        "po",
        "{metadata: {name: a}, spec: {containers: [{name: c, image: i, resources: {requests: {cpu: 1, example.com/gpu: 1}, limits: {example.com/gpu: 1}}}], ephemeralContainers: [{name: e, image: i}]}}",
    );
    let check = |part: Subresource, patch: &str, expect: Expect| {
        let mut new = merge::apply(&old, &yaml(patch)).expect("a patch");
        kind("po").apply_defaults(&mut new);
        kind("po").prepare_part_update(part, &mut new, &old);
        let found = kind("po").validate_part_update(part, &new, &old);
        expect.assert_eq(&found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    };
    let containers = "{spec: {ephemeralContainers: [{name: c, image: '', ports: [{containerPort: 1}], resources: {limits: {cpu: 1}}, targetContainerName: x}], containers: []}}";
    check(
        Subresource::EphemeralContainers,
        containers,
        expect![[r#"
        spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container
        spec.ephemeralContainers[0].resources: Forbidden: cannot be set for an Ephemeral Container
        spec.ephemeralContainers[0].targetContainerName: Not found: "x"
        spec.ephemeralContainers[0].name: Duplicate value: "c"
        spec.ephemeralContainers[0].image: Required value
        spec.ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be removed"#]],
    );
    let good = "{spec: {containers: [{name: c, image: other, resources: {requests: {cpu: 2, example.com/gpu: 1}, limits: {example.com/gpu: 1}}}]}}";
    check(Subresource::Resize, good, expect![""]);
    let bad =
        "{spec: {containers: [{name: c, resources: {requests: {example.com/gpu: 2}, limits: {example.com/gpu: 2}}}]}}";
    check(
        Subresource::Resize,
        bad,
        expect![[r#"
        spec: Invalid value: "BestEffort": Pod QOS Class may not change as a result of resizing
        spec.containers[0].resources: Forbidden: only cpu and memory resources for containers can be changed
        spec.containers[0].resources: Forbidden: resource requests and limits cannot be removed"#]],
    );
}
