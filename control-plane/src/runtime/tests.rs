//! The whole loop over a real registry, on the pure state machine: a Deployment becomes pods on nodes, and a new leader goes
//! on where the old one stopped.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use xebec_controllers::Settings;
use xebec_store::Leadership;

use super::{NodeWatch, RuntimeParts, run};
use crate::nodes::NodeLiveness;
use crate::registry::testing::{Fixture, cx, kind, target};
use crate::registry::{DeleteOptions, Patch, PatchKind, Target, WriteOptions};

/// Nodes that are always heard.
struct AlwaysHeard {
    names: Vec<&'static str>,
    changed: watch::Sender<u64>,
}

impl NodeWatch for AlwaysHeard {
    fn liveness(&self) -> Vec<NodeLiveness> {
        let heard =
            |name: &&str| NodeLiveness { name: (*name).to_owned(), last_heard: Instant::now(), connected: true };
        self.names.iter().map(heard).collect()
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

struct Master {
    fixture: Fixture,
    leadership: watch::Sender<Leadership>,
    runtime: JoinHandle<()>,
}

impl Master {
    async fn start(nodes: &[&'static str]) -> Master {
        let fixture = Fixture::new().await;
        for node in nodes {
            let body = json!({"status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"},
            }});
            let node = target("nodes", None, node);
            fixture.create(&node, json!({})).await.unwrap();
            let status = node.subresource(xebec_api::Subresource::Status);
            let patch = Patch { kind: PatchKind::Merge, body };
            fixture.registry.patch(&cx(), &status, &patch, &WriteOptions::default()).await.unwrap();
        }
        let leadership = watch::Sender::new(Leadership { leader: None, term: 0, is_leader: false });
        let parts = RuntimeParts {
            registry: fixture.registry.clone(),
            leadership: leadership.subscribe(),
            nodes: Arc::new(AlwaysHeard { names: nodes.to_vec(), changed: watch::Sender::new(0) }),
            settings: Settings {
                cluster_cidr: "10.42.0.0/16".parse().unwrap(),
                node_monitor_grace: Duration::from_secs(4),
                serving_ca: "the CA".into(),
            },
        };
        let runtime = tokio::spawn(run(parts, std::future::pending()));
        Master { fixture, leadership, runtime }
    }

    fn lead(&self, term: u64) {
        self.leadership.send_replace(Leadership { leader: Some(1), term, is_leader: true });
    }

    fn step_down(&self, term: u64) {
        self.leadership.send_replace(Leadership { leader: Some(2), term, is_leader: false });
    }

    fn objects(&self, plural: &str) -> Vec<Value> {
        self.fixture.cache.list(kind(plural), None).iter().map(|stored| stored.to_value()).collect()
    }

    async fn until(&self, what: &str, holds: impl Fn(&Master) -> bool) {
        let mut revisions = self.fixture.cache.revisions();
        let waiting = async {
            while !holds(self) {
                revisions.changed().await.expect("the cache lives");
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(10), waiting).await;
        assert!(waited.is_ok(), "{what} in ten seconds; pods: {:#?}", self.objects("pods"));
    }

    fn bound(&self) -> usize {
        self.objects("pods").iter().filter(|pod| pod["spec"]["nodeName"].is_string()).count()
    }

    async fn scale(&self, replicas: u32) {
        let patch = Patch { kind: PatchKind::Merge, body: json!({"spec": {"replicas": replicas}}) };
        let web = target("deployments", Some("default"), "web");
        self.fixture.registry.patch(&cx(), &web, &patch, &WriteOptions::default()).await.unwrap();
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.runtime.abort();
    }
}

fn web(replicas: u32) -> Value {
    json!({"spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main", "image": "shop"}]},
        },
    }})
}

async fn deploy(master: &Master, replicas: u32) {
    master.fixture.create(&target("serviceaccounts", Some("default"), "default"), json!({})).await.ok();
    master.fixture.create(&target("deployments", Some("default"), "web"), web(replicas)).await.unwrap();
}

#[tokio::test]
async fn a_deployment_becomes_bound_pods_spread_over_the_nodes() {
    let master = Master::start(&["n1", "n2"]).await;
    master.lead(1);
    deploy(&master, 6).await;
    master.until("six pods are bound", |master| master.bound() == 6).await;
    let on = |node: &str| master.objects("pods").iter().filter(|pod| pod["spec"]["nodeName"] == node).count();
    assert_eq!((on("n1"), on("n2")), (3, 3));
    master.until("nodes have ranges", |m| m.objects("nodes").iter().all(|n| n["spec"]["podCIDR"].is_string())).await;
    let told = |m: &Master, reason: &str| m.objects("events").iter().any(|event| event["reason"] == reason);
    master.until("people are told", |m| told(m, "Scheduled") && told(m, "ScalingReplicaSet")).await;
}

#[tokio::test]
async fn nothing_is_done_without_leading_and_a_new_leader_goes_on() {
    let master = Master::start(&["n1"]).await;
    deploy(&master, 2).await;
    tokio::task::yield_now().await;
    assert!(master.objects("pods").is_empty());
    master.lead(1);
    master.until("two pods are bound", |master| master.bound() == 2).await;
    master.step_down(2);
    master.scale(5).await;
    master.lead(3);
    master.until("five pods are bound", |master| master.bound() == 5).await;
    assert_eq!(master.objects("pods").len(), 5);
}

#[tokio::test]
async fn a_pod_that_fits_nowhere_is_told_why_and_goes_when_there_is_room() {
    let master = Master::start(&["n1", "n2"]).await;
    master.lead(1);
    deploy(&master, 0).await;
    let container = json!({"name": "main", "image": "shop", "resources": {"requests": {"cpu": "3"}}});
    let pod = target("pods", Some("default"), "large");
    master.fixture.create(&pod, json!({"spec": {"containers": [container]}})).await.unwrap();
    let why = |master: &Master| master.objects("pods")[0]["status"]["conditions"][0]["message"].clone();
    master.until("it is told", |m| why(m) == "0/2 nodes are available: 2 Insufficient cpu.").await;
    let more = Patch { kind: PatchKind::Merge, body: json!({"status": {"allocatable": {"cpu": "4"}}}) };
    let status = target("nodes", None, "n2").subresource(xebec_api::Subresource::Status);
    master.fixture.registry.patch(&cx(), &status, &more, &WriteOptions::default()).await.unwrap();
    master.until("it is bound", |master| master.bound() == 1).await;
}

#[tokio::test]
async fn a_deleted_namespace_goes_with_all_that_is_in_it() {
    let master = Master::start(&["n1"]).await;
    master.lead(1);
    master.fixture.create(&target("namespaces", None, "shop"), json!({})).await.unwrap();
    let account = |m: &Master| m.objects("serviceaccounts").iter().any(|a| a["metadata"]["namespace"] == "shop");
    master.until("it has its account", account).await;
    master.fixture.create(&target("deployments", Some("shop"), "web"), web(1)).await.unwrap();
    master.until("a pod is bound", |master| master.bound() == 1).await;
    let namespace = target("namespaces", None, "shop");
    master.fixture.registry.delete(&cx(), &namespace, &Default::default()).await.unwrap();
    master.until("the pod is to stop", |m| m.objects("pods")[0]["metadata"]["deletionTimestamp"].is_string()).await;
    let pod = master.objects("pods")[0]["metadata"]["name"].as_str().unwrap().to_owned();
    let gone = crate::registry::DeleteOptions { grace_period_seconds: Some(0), ..Default::default() };
    master.fixture.registry.delete(&cx(), &target("pods", Some("shop"), &pod), &gone).await.unwrap();
    master.until("it is gone", |m| m.fixture.cache.get(kind("namespaces"), None, "shop").is_none()).await;
}

fn cart_definition() -> Value {
    json!({"spec": {
        "group": "shop.example", "scope": "Namespaced", "names": {"plural": "carts", "kind": "Cart"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
    }})
}

#[tokio::test]
async fn a_custom_kind_goes_with_its_objects_and_objects_with_their_namespace() {
    let master = Master::start(&[]).await;
    master.lead(1);
    let definition = target("customresourcedefinitions", None, "carts.shop.example");
    master.fixture.create(&definition, cart_definition()).await.unwrap();
    let cart = |master: &Master| master.fixture.cache.catalogue().find("shop.example", "v1", "carts");
    let kind = cart(&master).unwrap();
    let shop = target("namespaces", None, "shop");
    master.fixture.create(&shop, json!({})).await.unwrap();
    for namespace in ["shop", "default"] {
        master.fixture.create(&Target::new(kind, Some(namespace), "c"), json!({})).await.unwrap();
    }
    master.fixture.registry.delete(&cx(), &shop, &DeleteOptions::default()).await.unwrap();
    master.until("the namespace goes with its cart", |m| m.fixture.cache.list(kind, None).len() == 1).await;
    master.fixture.registry.delete(&cx(), &definition, &DeleteOptions::default()).await.unwrap();
    master.until("the kind goes with its cart", |m| cart(m).is_none()).await;
    assert!(master.objects("customresourcedefinitions").is_empty());
}

#[tokio::test]
async fn a_name_that_becomes_free_is_given_to_who_waits() {
    let master = Master::start(&[]).await;
    master.lead(1);
    let named = |plural: &str| target("customresourcedefinitions", None, &format!("{plural}.shop.example"));
    master.fixture.create(&named("carts"), cart_definition()).await.unwrap();
    let mut other = cart_definition();
    other["spec"]["names"]["plural"] = json!("trolleys");
    master.fixture.create(&named("trolleys"), other).await.unwrap();
    let trolleys = |m: &Master| m.fixture.cache.catalogue().find("shop.example", "v1", "trolleys").is_some();
    assert!(!trolleys(&master));
    master.fixture.registry.delete(&cx(), &named("carts"), &DeleteOptions::default()).await.unwrap();
    master.until("trolleys are served", trolleys).await;
}
