//! Which node each pod gets, or why none: a file of `testdata` is a cluster, the pods that come, and where they go.
//!
//! A line of a file is a node, a pod, or a change:
//!
//! ```text
//! node n1 cpu=2 memory=4Gi pods=10 zone=a taint=dedicated:shop:NoSchedule not-ready cordoned
//! pod web cpu=500m app=web select=zone:a tolerate=dedicated port=80 on=n1 times=3
//! gone web-1
//! ```
//!
//! and after each pod stands what became of it. `UPDATE_EXPECT=1` writes that anew.

// A test may fail where it stands, and reads its testdata.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fmt::Write;

use expect_test::expect_file;
use serde_json::{Value, json};
use xebec_scheduler::{Candidate, Decision, Demand, Snapshot};

fn check(name: &str) {
    let path = format!("{}/tests/testdata/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let script = std::fs::read_to_string(&path).unwrap();
    expect_file![path].assert_eq(&play(&script));
}

fn play(script: &str) -> String {
    let mut snapshot = Snapshot::new();
    let mut out = String::new();
    for line in script.lines().filter(|line| !line.starts_with("  ")) {
        writeln!(out, "{line}").unwrap();
        let mut words = line.split_whitespace();
        let (verb, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let rest: Vec<&str> = words.collect();
        match verb {
            "node" => {
                snapshot.apply_node(name, &node(name, &rest));
            }
            "gone" => {
                snapshot.remove_pod(name);
            }
            "pod" => pods(&mut snapshot, name, &rest, &mut out),
            _ => {}
        }
    }
    out
}

fn pods(snapshot: &mut Snapshot, name: &str, words: &[&str], out: &mut String) {
    let times: usize = words.iter().find_map(|word| word.strip_prefix("times=")).map_or(1, |n| n.parse().unwrap());
    let demand = Demand::from_pod(&serde_json::from_value(pod(name, words)).unwrap());
    let names: Vec<String> =
        (1..=times).map(|n| if times == 1 { name.to_owned() } else { format!("{name}-{n}") }).collect();
    let batch: Vec<Candidate<'_>> = names.iter().map(|uid| Candidate { uid, demand: &demand }).collect();
    for (name, decision) in names.iter().zip(snapshot.place(&batch)) {
        match decision {
            Decision::Bind { node } => writeln!(out, "  {name} -> {node}").unwrap(),
            Decision::Unfit(why) => writeln!(out, "  {name}: {why}").unwrap(),
        }
    }
}

fn node(name: &str, words: &[&str]) -> k8s_openapi::api::core::v1::Node {
    let mut allocatable = json!({"cpu": "2", "memory": "4Gi", "pods": "10"});
    let mut labels = BTreeMap::new();
    let (mut taints, mut ready, mut cordoned) = (Vec::new(), "True", false);
    for word in words {
        match word.split_once('=') {
            None if *word == "not-ready" => ready = "False",
            None => cordoned = *word == "cordoned",
            Some(("taint", taint)) => {
                let parts: Vec<&str> = taint.split(':').collect();
                taints.push(json!({"key": parts[0], "value": parts[1], "effect": parts[2]}));
            }
            Some((key @ ("cpu" | "memory" | "pods" | "ephemeral-storage" | "gpu"), amount)) => {
                allocatable[if key == "gpu" { "example.org/gpu" } else { key }] = json!(amount);
            }
            Some((key, value)) => {
                labels.insert(key, value);
            }
        }
    }
    serde_json::from_value(json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": taints, "unschedulable": cordoned},
        "status": {"allocatable": allocatable, "conditions": [{"type": "Ready", "status": ready}]},
    }))
    .unwrap()
}

fn pod(name: &str, words: &[&str]) -> Value {
    let mut requests = json!({});
    let mut spec = json!({});
    let mut labels = json!({"app": name});
    let mut ports = Vec::new();
    for word in words {
        let (key, value) = word.split_once('=').unwrap();
        match key {
            "times" => {}
            "on" => spec["nodeName"] = json!(value),
            "select" => {
                let (key, value) = value.split_once(':').unwrap();
                spec["nodeSelector"] = json!({key: value});
            }
            "affine" => spec["affinity"] = affinity(value),
            "tolerate" => spec["tolerations"] = json!([{"key": value, "operator": "Exists"}]),
            "port" => ports.push(json!({"containerPort": 80, "hostPort": value.parse::<i32>().unwrap()})),
            "gpu" => requests["example.org/gpu"] = json!(value),
            "cpu" | "memory" | "ephemeral-storage" => requests[key] = json!(value),
            label => labels[label] = json!(value),
        }
    }
    spec["containers"] = json!([{"name": "main", "ports": ports, "resources": {"requests": requests}}]);
    json!({"metadata": {"name": name, "namespace": "default", "labels": labels}, "spec": spec})
}

/// `key:Operator:value,value`
fn affinity(text: &str) -> Value {
    let parts: Vec<&str> = text.split(':').collect();
    let values: Vec<&str> = parts.get(2).map(|values| values.split(',').collect()).unwrap_or_default();
    let requirement = json!({"key": parts[0], "operator": parts[1], "values": values});
    json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [requirement]}],
    }}})
}

#[test]
fn resources() {
    check("resources");
}

#[test]
fn rules() {
    check("rules");
}

#[test]
fn spreading() {
    check("spreading");
}

#[test]
fn affinities() {
    check("affinity");
}

#[test]
fn a_bound_pod_counts_once_and_a_finished_one_not_at_all() {
    let mut snapshot = Snapshot::new();
    snapshot.apply_node("n1", &node("n1", &["pods=1"]));
    let mut bound = pod("a", &["on=n1"]);
    snapshot.apply_pod("a", &serde_json::from_value(bound.clone()).unwrap());
    snapshot.apply_pod("a", &serde_json::from_value(bound.clone()).unwrap());
    assert_eq!(snapshot.nodes().next().unwrap().requested.pods, 1);
    bound["status"] = json!({"phase": "Succeeded"});
    snapshot.apply_pod("a", &serde_json::from_value(bound).unwrap());
    assert_eq!(snapshot.nodes().next().unwrap().requested.pods, 0);
}

#[test]
fn pods_may_be_known_before_their_node_and_outlive_it() {
    let mut snapshot = Snapshot::new();
    let bound = serde_json::from_value(pod("a", &["on=n1", "cpu=1500m"])).unwrap();
    snapshot.apply_pod("a", &bound);
    assert_eq!(snapshot.nodes().count(), 0);
    snapshot.apply_node("n1", &node("n1", &[]));
    assert_eq!(snapshot.nodes().next().unwrap().requested.milli_cpu, 1500);
    snapshot.remove_node("n1");
    assert_eq!(snapshot.nodes().count(), 0);
    snapshot.apply_node("n1", &node("n1", &[]));
    assert_eq!(snapshot.nodes().next().unwrap().requested.milli_cpu, 1500);
}

#[test]
fn a_thousand_nodes_fill_evenly() {
    let mut snapshot = Snapshot::new();
    for n in 0..1000 {
        let name = format!("n{n:04}");
        snapshot.apply_node(&name, &node(&name, &["pods=110", "cpu=16", "memory=64Gi"]));
    }
    let demand = Demand::from_pod(&serde_json::from_value(pod("web", &["cpu=100m"])).unwrap());
    let uids: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
    let batch: Vec<Candidate<'_>> = uids.iter().map(|uid| Candidate { uid, demand: &demand }).collect();
    let decisions = snapshot.place(&batch);
    assert!(decisions.iter().all(|decision| matches!(decision, Decision::Bind { .. })));
    assert!(snapshot.nodes().all(|node| node.requested.pods == 10));
}
