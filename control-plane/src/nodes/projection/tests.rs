use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;

/// ConfigMaps and Secrets that exist: their names and revisions.
#[derive(Default)]
struct Store(BTreeMap<String, u64>);

impl Lookup for Store {
    fn reference(&self, key: &RefKey) -> Option<(u64, Bytes)> {
        self.0.get(&key.name).map(|revision| (*revision, Bytes::from_static(b"{}")))
    }
}

struct Applied(u64);

impl Acknowledged for Applied {
    fn by_all(&self, generation: u64) -> bool {
        self.0 >= generation
    }
}

struct Story {
    projection: Projection,
    store: Store,
    revision: u64,
}

fn story() -> Story {
    Story { projection: Projection::default(), store: Store::default(), revision: 0 }
}

impl Story {
    fn put_at(&mut self, now: Millis, value: Value) -> Vec<Outgoing> {
        self.revision += 1;
        let object = Object::from_value(value).unwrap();
        let meta = object.meta().clone();
        let kind = ["Pod", "ConfigMap", "Secret", "Node", "Service", "EndpointSlice"];
        let change = Change {
            kind: kind.into_iter().find(|kind| *kind == meta.kind).unwrap(),
            namespace: meta.namespace.unwrap_or_default(),
            name: meta.name,
            current: Some(At { object, revision: self.revision }),
            revision: self.revision,
        };
        self.projection.apply(&change, now, &self.store)
    }

    fn put(&mut self, value: Value, expect: Expect) {
        let outgoing = self.put_at(0, value);
        expect.assert_eq(&lines(&outgoing));
    }

    fn delete(&mut self, kind: &'static str, name: &str, expect: Expect) {
        self.revision += 1;
        let (namespace, name) = ("shop".to_owned(), name.to_owned());
        let change = Change { kind, namespace, name, current: None, revision: self.revision };
        let outgoing = self.projection.apply(&change, 0, &self.store);
        expect.assert_eq(&lines(&outgoing));
    }

    fn release(&mut self, now: Millis, applied: u64, expect: Expect) {
        let outgoing = self.projection.release(now, &Applied(applied), &self.store);
        expect.assert_eq(&lines(&outgoing));
    }
}

fn lines(outgoing: &[Outgoing]) -> String {
    let line = |outgoing: &Outgoing| {
        let to = match &outgoing.to {
            To::One(node) => node.as_str(),
            To::All => "all",
        };
        format!("{to}: {}\n", describe(&outgoing.message))
    };
    outgoing.iter().map(line).collect()
}

fn describe(message: &Message) -> String {
    match message {
        Message::PodAssigned(assigned) => {
            let pod: Value = serde_json::from_slice(&assigned.pod_json).unwrap();
            let references: Vec<String> =
                assigned.references.iter().map(|r| format!("{} {}@{}", r.kind, r.name, r.revision)).collect();
            let going = if pod["metadata"]["deletionTimestamp"].is_null() { "" } else { " terminating" };
            format!("assigned {}@{}{going} {references:?}", pod["metadata"]["name"], assigned.revision)
        }
        Message::PodRemoved(removed) => format!("removed {} {}", removed.name, removed.uid),
        Message::ReferenceChanged(changed) => {
            let reference = changed.reference.as_ref().unwrap();
            format!("{} {}@{} {} bytes", reference.kind, reference.name, reference.revision, reference.json.len())
        }
        Message::NetworkChange(change) => format!("network {} {}", change.generation, item(change)),
        Message::SyncComplete(complete) => format!("sync complete {}", complete.revision),
        other => format!("{other:?}"),
    }
}

fn item(change: &NetworkChange) -> String {
    match change.change.as_ref().unwrap() {
        NetworkItem::Node(node) => format!("node {} {} {}", node.name, node.address, node.pod_cidr),
        NetworkItem::NodeRemoved(name) => format!("node {name} removed"),
        NetworkItem::Service(service) => {
            let port = |port: &xebec_proto::v1::NetworkPort| {
                let endpoints: Vec<String> =
                    port.endpoints.iter().map(|e| format!("{}:{}", e.address, e.port)).collect();
                format!("{}/{} {}", port.port, port.protocol, endpoints.join(","))
            };
            let ports: Vec<String> = service.ports.iter().map(port).collect();
            let sticky = service.affinity_seconds;
            format!("service {} {} sticky {sticky} {ports:?}", service.name.as_ref().unwrap().name, service.cluster_ip)
        }
        NetworkItem::ServiceRemoved(name) => format!("service {} removed", name.name),
        NetworkItem::SnapshotComplete(_) => "snapshot complete".to_owned(),
    }
}

fn pod(name: &str, node: &str, uid: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "uid": uid},
        "spec": {"nodeName": node, "containers": [{"name": "c", "envFrom": [{"configMapRef": {"name": "settings"}}]}],
            "volumes": [{"name": "v", "secret": {"secretName": "key"}}]}})
}

fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    value.pointer_mut(parent).unwrap()[field] = new;
    value
}

fn slice(pods: &[(&str, bool)]) -> Value {
    let endpoint = |(index, (pod, ready)): (usize, &(&str, bool))| {
        json!({"addresses": [format!("10.42.0.{}", index + 2)], "conditions": {"ready": ready},
            "targetRef": {"kind": "Pod", "name": pod, "namespace": "shop"}})
    };
    let endpoints: Vec<Value> = pods.iter().enumerate().map(endpoint).collect();
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": endpoints,
        "metadata": {"name": "till-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "till"}},
        "ports": [{"name": "http", "protocol": "TCP", "port": 8080}]})
}

fn service() -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "till", "namespace": "shop"},
        "spec": {"clusterIP": "10.43.0.9", "sessionAffinity": "ClientIP",
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}})
}

#[test]
fn a_pod_is_told_when_bound_changed_and_removed_but_not_for_its_own_reports() {
    let mut story = story();
    story.store.0.insert("settings".into(), 7);
    story.put(pod("a", "", "u1"), expect![""]);
    story.put(
        pod("a", "n1", "u1"),
        expect![[r#"
            n1: assigned "a"@2 ["ConfigMap settings@7"]
        "#]],
    );
    let reported = with(pod("a", "n1", "u1"), "/status", json!({"phase": "Running"}));
    story.put(reported.clone(), expect![""]);
    let ready = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    story.put(
        with(reported, "/status", ready),
        expect![[r#"
            n1: assigned "a"@4 ["ConfigMap settings@7"]
        "#]],
    );
    story.put(
        pod("a", "n1", "u2"),
        expect![[r#"
            n1: removed a u1
            n1: assigned "a"@5 ["ConfigMap settings@7"]
        "#]],
    );
    story.delete(
        "Pod",
        "a",
        expect![[r#"
            n1: removed a u2
        "#]],
    );
}

#[test]
fn references_go_to_the_nodes_that_use_them() {
    let mut story = story();
    story.put_at(0, pod("a", "n1", "u1"));
    story.put_at(0, pod("b", "n1", "u2"));
    story.put_at(0, pod("c", "n2", "u3"));
    let settings =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"}});
    story.put(
        settings.clone(),
        expect![[r#"
            n1: ConfigMap settings@4 110 bytes
            n2: ConfigMap settings@4 110 bytes
        "#]],
    );
    story.delete(
        "Pod",
        "c",
        expect![[r#"
        n2: removed c u3
    "#]],
    );
    story.delete(
        "ConfigMap",
        "settings",
        expect![[r#"
            n1: ConfigMap settings@6 0 bytes
        "#]],
    );
    story.put(with(settings, "/metadata/name", json!("unused")), expect![""]);
}

#[test]
fn services_are_told_when_their_composition_changes() {
    let mut story = story();
    story.put(slice(&[("a", true), ("b", false)]), expect![""]);
    story.put(
        service(),
        expect![[r#"
            all: network 2 service till 10.43.0.9 sticky 10800 ["80/TCP 10.42.0.2:8080"]
        "#]],
    );
    story.put(with(service(), "/metadata/labels", json!({"a": "b"})), expect![""]);
    story.put(
        slice(&[("a", true), ("b", true)]),
        expect![[r#"
            all: network 4 service till 10.43.0.9 sticky 10800 ["80/TCP 10.42.0.2:8080,10.42.0.3:8080"]
        "#]],
    );
    story.delete(
        "EndpointSlice",
        "till-1",
        expect![[r#"
            all: network 5 service till 10.43.0.9 sticky 10800 ["80/TCP "]
        "#]],
    );
    story.delete(
        "Service",
        "till",
        expect![[r#"
            all: network 6 service till removed
        "#]],
    );
    assert!(story.projection.network.services_is_empty());
}

#[test]
fn a_whole_state_is_pods_then_network_then_the_end() {
    let mut story = story();
    story.put_at(0, pod("a", "n1", "u1"));
    story.put_at(0, pod("b", "n2", "u2"));
    story.put_at(0, service());
    story.put_at(
        0,
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {"podCIDR": "10.42.1.0/24"},
            "status": {"addresses": [{"type": "Hostname", "address": "n1"}, {"type": "InternalIP", "address": "192.0.2.1"}]}}),
    );
    story.projection.advance(9);
    let messages = story.projection.sync("n1", &story.store);
    let text: String = messages.iter().map(|message| describe(message) + "\n").collect();
    expect![[r#"
        assigned "a"@1 []
        network 9 node n1 192.0.2.1 10.42.1.0/24
        network 9 service till 10.43.0.9 sticky 10800 ["80/TCP "]
        network 9 snapshot complete
        sync complete 9
    "#]]
    .assert_eq(&text);
}

fn terminating(story: &mut Story) -> Vec<Outgoing> {
    story.put_at(0, pod("a", "n1", "u1"));
    story.put_at(0, service());
    story.put_at(0, slice(&[("a", true)]));
    story.put_at(100, with(pod("a", "n1", "u1"), "/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z")))
}

#[test]
fn a_terminating_endpoint_stops_only_after_all_nodes_have_let_go_of_it() {
    let mut story = story();
    assert_eq!(terminating(&mut story), []);
    story.release(200, 4, expect![""]);
    story.put(
        slice(&[("a", false)]),
        expect![[r#"
            all: network 5 service till 10.43.0.9 sticky 10800 ["80/TCP "]
        "#]],
    );
    story.release(300, 4, expect![""]);
    story.release(
        400,
        5,
        expect![[r#"
            n1: assigned "a"@4 terminating []
        "#]],
    );
    assert_eq!(story.projection.next_deadline(), None);
}

#[test]
fn nobody_is_waited_for_longer_than_two_seconds() {
    let mut story = story();
    terminating(&mut story);
    assert_eq!(story.projection.next_deadline(), Some(2_100));
    story.release(2_099, 0, expect![""]);
    story.release(
        2_100,
        0,
        expect![[r#"
            n1: assigned "a"@4 terminating []
        "#]],
    );
}

#[test]
fn a_pod_that_is_removed_by_force_is_not_held() {
    let mut story = story();
    terminating(&mut story);
    story.delete(
        "Pod",
        "a",
        expect![[r#"
            n1: removed a u1
        "#]],
    );
    story.release(9_000, 9, expect![""]);
}
