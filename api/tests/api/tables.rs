//! Tables, as kubectl prints them.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use jiff::Timestamp;
use serde_json::{Value, json};
use xebec_api::Object;
use xebec_api::table::{self, IncludeObject};

use crate::{kind, yaml};

const NOW: &str = "2030-01-01T00:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

/// Prints the objects of a multi-document manifest, wide columns in brackets.
fn check(word: &str, text: &str, expect: Expect) {
    let mut out = String::new();
    for document in text.split("---\n") {
        let cells = table::cells_of(kind(word), &yaml(document), now());
        for (column, cell) in table::columns(kind(word)).iter().zip(cells) {
            let cell = cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
            let sign = if column.priority > 0 { "~" } else { "" };
            write!(out, "{sign}{}={cell} ", column.name).expect("a string takes all");
        }
        out = out.trim_end().to_owned() + "\n";
    }
    expect.assert_eq(&out);
}

#[test]
fn pods_in_all_states() {
    let text = "
metadata: {name: running, creationTimestamp: '2029-12-31T23:56:48Z'}
spec: {containers: [{name: a}, {name: b}], nodeName: n1}
status:
  phase: Running
  podIP: 10.42.0.7
  containerStatuses:
  - {name: a, ready: true, restartCount: 2, state: {running: {}}, lastState: {terminated: {finishedAt: '2029-12-31T23:59:00Z'}}}
  - {name: b, ready: false, restartCount: 0, state: {running: {}}}
---
metadata: {name: crashing}
spec: {containers: [{name: a}]}
status: {phase: Running, containerStatuses: [{name: a, ready: false, restartCount: 5, state: {waiting: {reason: CrashLoopBackOff}}}]}
---
metadata: {name: initializing}
spec: {initContainers: [{name: i}, {name: j}], containers: [{name: a}]}
status:
  phase: Pending
  initContainerStatuses:
  - {name: i, restartCount: 0, state: {terminated: {exitCode: 0}}}
  - {name: j, restartCount: 0, state: {running: {}}}
  containerStatuses: [{name: a, ready: false, restartCount: 0, state: {waiting: {reason: PodInitializing}}}]
---
metadata: {name: leaving, deletionTimestamp: '2030-01-01T00:00:20Z'}
spec: {containers: [{name: a}]}
status: {phase: Running, containerStatuses: [{name: a, ready: true, restartCount: 0, state: {running: {}}}]}
---
metadata: {name: done}
spec: {containers: [{name: a}]}
status: {phase: Succeeded, containerStatuses: [{name: a, ready: false, restartCount: 0, state: {terminated: {exitCode: 0, reason: Completed}}}]}
---
metadata: {name: evicted}
spec: {containers: [{name: a}]}
status: {phase: Failed, reason: Evicted}
---
metadata: {name: killed}
spec: {containers: [{name: a}]}
status: {phase: Failed, containerStatuses: [{name: a, restartCount: 0, state: {terminated: {exitCode: 137, signal: 9}}}]}
---
metadata: {name: new}
spec: {containers: [{name: a}]}
status: {phase: Pending}
";
    check(
        "po",
        text,
        expect![[r#"
        Name=running Ready=1/2 Status=Running Restarts=2 (60s ago) Age=3m12s ~IP=10.42.0.7 ~Node=n1 ~Nominated Node=<none> ~Readiness Gates=<none>
        Name=crashing Ready=0/1 Status=CrashLoopBackOff Restarts=5 Age=<unknown> ~IP=<none> ~Node=<none> ~Nominated Node=<none> ~Readiness Gates=<none>
        Name=initializing Ready=0/1 Status=Init:1/2 Restarts=0 Age=<unknown> ~IP=<none> ~Node=<none> ~Nominated Node=<none> ~Readiness Gates=<none>
        Name=leaving Ready=1/1 Status=Terminating Restarts=0 Age=<unknown> ~IP=<none> ~Node=<none> ~Nominated Node=<none> ~Readiness Gates=<none>
        Name=done Ready=0/1 Status=Completed Restarts=0 Age=<unknown> ~IP=<none> ~Node=<none> ~Nominated Node=<none> ~Readiness Gates=<none>
        Name=evicted Ready=0/1 Status=Evicted Restarts=0 Age=<unknown> ~IP=<none> ~Node=<none> ~Nominated Node=<none> ~Readiness Gates=<none>
        Name=killed Ready=0/1 Status=Signal:9 Restarts=0 Age=<unknown> ~IP=<none> ~Node=<none> ~Nominated Node=<none> ~Readiness Gates=<none>
        Name=new Ready=0/1 Status=Pending Restarts=0 Age=<unknown> ~IP=<none> ~Node=<none> ~Nominated Node=<none> ~Readiness Gates=<none>
    "#]],
    );
}

#[test]
fn services_and_workloads() {
    let text = "
metadata: {name: web, creationTimestamp: '2029-12-27T00:00:00Z'}
spec: {type: NodePort, clusterIP: 10.43.0.9, selector: {app: web}, ports: [{port: 80, nodePort: 30080, protocol: TCP}, {port: 53, protocol: UDP}]}
---
metadata: {name: lb}
spec: {type: LoadBalancer, clusterIP: 10.43.0.10, ports: [{port: 80, protocol: TCP}]}
---
metadata: {name: headless}
spec: {type: ClusterIP, clusterIP: None}
";
    check(
        "svc",
        text,
        expect![[r#"
        Name=web Type=NodePort Cluster-IP=10.43.0.9 External-IP=<none> Port(s)=80:30080/TCP,53/UDP Age=5d ~Selector=app=web
        Name=lb Type=LoadBalancer Cluster-IP=10.43.0.10 External-IP=<pending> Port(s)=80/TCP Age=<unknown> ~Selector=<none>
        Name=headless Type=ClusterIP Cluster-IP=None External-IP=<none> Port(s)=<none> Age=<unknown> ~Selector=<none>
    "#]],
    );
    let text = "
metadata: {name: web, creationTimestamp: '2029-12-31T22:00:00Z'}
spec: {replicas: 3, selector: {matchLabels: {app: web}}, template: {spec: {containers: [{name: a, image: 'x:1'}, {name: b, image: z}]}}}
status: {readyReplicas: 2, updatedReplicas: 3, availableReplicas: 1, replicas: 3}
";
    check(
        "deploy",
        text,
        expect![[r#"
            Name=web Ready=2/3 Up-to-date=3 Available=1 Age=120m ~Containers=a,b ~Images=x:1,z ~Selector=app=web
        "#]],
    );
    check(
        "rs",
        text,
        expect![[r#"
            Name=web Desired=3 Current=3 Ready=2 Age=120m ~Containers=a,b ~Images=x:1,z ~Selector=app=web
        "#]],
    );
}

#[test]
fn nodes_namespaces_and_the_rest() {
    let text = "
metadata: {name: n1, labels: {node-role.kubernetes.io/worker: '', kubernetes.io/role: edge}}
spec: {unschedulable: true}
status:
  conditions: [{type: Ready, status: 'True'}]
  addresses: [{type: InternalIP, address: 10.0.0.1}]
  nodeInfo: {kubeletVersion: v1.35.0, osImage: Debian, kernelVersion: '6.1', containerRuntimeVersion: 'containerd://1.6'}
---
metadata: {name: n2}
status: {conditions: [{type: Ready, status: Unknown}]}
";
    check(
        "no",
        text,
        expect![[r#"
        Name=n1 Status=Ready,SchedulingDisabled Roles=edge,worker Age=<unknown> Version=v1.35.0 ~Internal-IP=10.0.0.1 ~External-IP=<none> ~OS-Image=Debian ~Kernel-Version=6.1 ~Container-Runtime=containerd://1.6
        Name=n2 Status=NotReady Roles=<none> Age=<unknown> Version= ~Internal-IP=<none> ~External-IP=<none> ~OS-Image=<unknown> ~Kernel-Version=<unknown> ~Container-Runtime=<unknown>
    "#]],
    );
    check(
        "ns",
        "{metadata: {name: a}, status: {phase: Terminating}}",
        expect![[r#"
        Name=a Status=Terminating Age=<unknown>
    "#]],
    );
    check(
        "cm",
        "{metadata: {name: a}, data: {x: y}, binaryData: {z: eA==}}",
        expect![[r#"
        Name=a Data=2 Age=<unknown>
    "#]],
    );
    check(
        "secret",
        "{metadata: {name: a}, type: Opaque, data: {x: eQ==}}",
        expect![[r#"
        Name=a Type=Opaque Data=1 Age=<unknown>
    "#]],
    );
    check(
        "endpointslice",
        "{metadata: {name: a}, addressType: IPv4, ports: [{port: 80}], endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}, {addresses: [10.0.0.3]}, {addresses: [10.0.0.4]}]}",
        expect![[r#"
            Name=a AddressType=IPv4 Ports=80 Endpoints=10.0.0.1,10.0.0.2,10.0.0.3 + 1 more... Age=<unknown>
        "#]],
    );
    check(
        "lease",
        "{metadata: {name: a}, spec: {holderIdentity: m1}}",
        expect![[r#"
        Name=a Holder=m1 Age=<unknown>
    "#]],
    );
    check(
        "clusterrolebinding",
        "{metadata: {name: a}, roleRef: {kind: ClusterRole, name: view}, subjects: [{kind: User, name: ann}, {kind: ServiceAccount, namespace: x, name: bot}]}",
        expect![[r#"
            Name=a Role=ClusterRole/view Age=<unknown> ~Users=ann ~Groups= ~ServiceAccounts=x/bot
        "#]],
    );
    check(
        "ev",
        "{metadata: {name: a}, type: Warning, reason: BackOff, message: 'it failed ', count: 3, involvedObject: {kind: Pod, name: p}, firstTimestamp: '2029-12-31T23:00:00Z', lastTimestamp: '2029-12-31T23:59:00Z', source: {component: agent, host: n1}}",
        expect![[r#"
            Last Seen=60s (x3 over 60m) Type=Warning Reason=BackOff Object=pod/p ~Subobject= ~Source=agent, n1 Message=it failed ~First Seen=60m ~Count=3 ~Name=a
        "#]],
    );
}

#[test]
fn a_table_carries_what_was_asked_of_each_object() {
    let object =
        Object::from_value(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": {} }))
            .unwrap();
    let of = |include| table::table(kind("cm"), &[(&object, 7)], include, now());
    let table = of(IncludeObject::Metadata);
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(table["rows"][0]["object"]["metadata"]["resourceVersion"], "7");
    assert_eq!(table["columnDefinitions"][0]["format"], "name");
    assert_eq!(table["rows"][0]["cells"].as_array().map(Vec::len), table["columnDefinitions"].as_array().map(Vec::len));
    assert_eq!(of(IncludeObject::Object)["rows"][0]["object"]["data"], json!({}));
    assert_eq!(of(IncludeObject::None)["rows"][0].get("object"), None);
}

#[test]
fn no_cell_fails_on_an_empty_or_strange_object() {
    for kind in xebec_api::kinds() {
        for object in [json!({}), Value::Null, json!({ "spec": 1, "status": [], "metadata": "x" })] {
            let cells = table::cells_of(kind, &object, now());
            assert_eq!(cells.len(), table::columns(kind).len());
            kind.selectable_fields(&object);
        }
    }
}
