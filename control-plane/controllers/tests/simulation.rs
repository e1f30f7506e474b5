//! The controllers in a closed loop: what they decide is carried out on a small map of objects, a pretend kubelet runs
//! the pods, and a Deployment of six rolls out, rolls over and survives a lost node.

// A test may fail where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Cluster, at, deployment, namespace, node, reference, service, with};
use xebec_controllers::{ObjectRef, Resource, World};

/// Named for what it is: stands in for scheduler and node agents. Binds unbound pods to the living node with fewest pods,
/// makes bound pods Ready after a second, and removes those that are being deleted, on living nodes only.
struct PretendKubelets {
    alive: Vec<&'static str>,
    addresses: u32,
}

impl PretendKubelets {
    fn new(alive: &[&'static str]) -> Self {
        Self { alive: alive.to_vec(), addresses: 0 }
    }

    fn tick(&mut self, cluster: &mut Cluster) {
        for node in &self.alive {
            let key = cluster.world.heard(node, at(cluster.now).uptime);
            cluster.due.extend(key);
            self.report_ready(cluster, node);
        }
        let pods: Vec<Value> = cluster.all(Resource::PODS).into_iter().cloned().collect();
        for pod in pods {
            self.serve(cluster, &pod);
        }
    }

    /// As a node's session does, which leaves alone what the leader has made Unknown.
    fn report_ready(&self, cluster: &mut Cluster, node: &str) {
        let name = ObjectRef::cluster(Resource::NODES, node);
        if cluster.get(&name).is_some_and(|node| {
            !["True", "Unknown"].contains(&node["status"]["conditions"][0]["status"].as_str().unwrap_or_default())
        }) {
            cluster.edit(&name, json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}));
        }
    }

    fn serve(&mut self, cluster: &mut Cluster, pod: &Value) {
        let name = reference(pod);
        let Some(node) = pod["spec"]["nodeName"].as_str() else {
            let node = self.emptiest(cluster);
            return cluster.edit(&name, json!({"spec": {"nodeName": node}}));
        };
        if !self.alive.contains(&node) {
            return;
        }
        if !pod["metadata"]["deletionTimestamp"].is_null() {
            cluster.remove(&name);
        } else if pod["status"]["podIP"].is_null() {
            self.addresses += 1;
            let address = format!("10.42.0.{}", self.addresses);
            cluster.edit(
                &name,
                json!({"status": {
                    "phase": "Running", "podIP": address,
                    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": at(cluster.now).stamp()}],
                }}),
            );
        }
    }

    fn emptiest(&self, cluster: &Cluster) -> &'static str {
        let pods = |node: &str| cluster.world.pods_on(node).count();
        self.alive.iter().copied().min_by_key(|node| pods(node)).expect("a living node")
    }
}

fn shop() -> (Cluster, PretendKubelets) {
    let objects = [
        namespace("default"),
        node("n1", "True"),
        node("n2", "True"),
        service("web", "web"),
        with(deployment("web", 6, "shop:1"), tolerating_for_ten_seconds()),
    ];
    (Cluster::of(objects), PretendKubelets::new(&["n1", "n2"]))
}

/// What admission adds to every pod.
fn tolerating_for_ten_seconds() -> Value {
    let toleration = json!({
        "key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 10,
    });
    json!({"spec": {"template": {"spec": {"tolerations": [toleration]}}}})
}

fn web() -> ObjectRef {
    ObjectRef::new(Resource::DEPLOYMENTS, "default", "web")
}

fn ready(world: &World) -> usize {
    let pods = world.all(Resource::PODS).filter(|pod| !pod.is_deleting());
    pods.filter(|pod| pod.facts.pod().is_some_and(|facts| facts.ready)).count()
}

fn images(cluster: &Cluster) -> Vec<String> {
    let image = |pod: &&Value| pod["spec"]["containers"][0]["image"].as_str().unwrap().to_owned();
    let mut images: Vec<String> = cluster.all(Resource::PODS).iter().map(image).collect();
    images.sort();
    images.dedup();
    images
}

fn ready_endpoints(cluster: &Cluster) -> usize {
    let slices = cluster.all(Resource::ENDPOINT_SLICES);
    let endpoints = slices.iter().flat_map(|slice| slice["endpoints"].as_array().unwrap());
    endpoints.filter(|endpoint| endpoint["conditions"]["ready"] == true).count()
}

#[test]
fn six_replicas_roll_out_and_are_endpoints() {
    let (mut cluster, mut kubelets) = shop();
    cluster.settle();
    cluster.pass(5, |cluster| kubelets.tick(cluster));
    let status = &cluster.get(&web()).unwrap()["status"];
    assert_eq!(status["readyReplicas"], 6);
    assert_eq!(status["conditions"][0]["status"], "True");
    assert_eq!(status["conditions"][1]["reason"], "NewReplicaSetAvailable");
    assert_eq!(ready_endpoints(&cluster), 6);
    assert_eq!(cluster.all(Resource::PODS).len(), 6);
    assert_eq!(cluster.get(&ObjectRef::cluster(Resource::NODES, "n2")).unwrap()["spec"]["podCIDR"], "10.42.1.0/24");
    assert!(cluster.get(&ObjectRef::new(Resource::SERVICE_ACCOUNTS, "default", "default")).is_some());
}

#[test]
fn a_new_image_rolls_over_within_surge_and_availability() {
    let (mut cluster, mut kubelets) = shop();
    cluster.settle();
    cluster.pass(5, |cluster| kubelets.tick(cluster));
    let image = json!([{"name": "main", "image": "shop:2"}]);
    cluster.edit(&web(), json!({"spec": {"template": {"spec": {"containers": image}}}}));
    cluster.settle();
    cluster.pass(20, |cluster| {
        kubelets.tick(cluster);
        assert!(ready(&cluster.world) >= 5, "25% of 6 may be missing: one");
        let active = cluster.world.all(Resource::PODS).filter(|pod| !pod.is_deleting()).count();
        assert!(active <= 8, "25% of 6 may be extra: two");
    });
    assert_eq!(images(&cluster), ["shop:2"]);
    assert_eq!(ready_endpoints(&cluster), 6);
    let deployment = cluster.get(&web()).unwrap();
    assert_eq!(deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
    assert_eq!(deployment["status"]["updatedReplicas"], 6);
    assert_eq!(cluster.all(Resource::REPLICA_SETS).len(), 2, "the old one stays, for going back to");

    let image = json!([{"name": "main", "image": "shop:1"}]);
    cluster.edit(&web(), json!({"spec": {"template": {"spec": {"containers": image}}}}));
    cluster.settle();
    cluster.pass(20, |cluster| kubelets.tick(cluster));
    assert_eq!(images(&cluster), ["shop:1"]);
    assert_eq!(cluster.all(Resource::REPLICA_SETS).len(), 2, "going back takes the old one up again");
    let annotations = &cluster.get(&web()).unwrap()["metadata"]["annotations"];
    assert_eq!(annotations["deployment.kubernetes.io/revision"], "3");
}

#[test]
fn pods_of_a_lost_node_are_replaced_and_the_node_is_welcomed_back() {
    let (mut cluster, mut kubelets) = shop();
    cluster.settle();
    cluster.pass(5, |cluster| kubelets.tick(cluster));
    assert_eq!(cluster.world.pods_on("n2").count(), 3);

    kubelets.alive = vec!["n1"];
    cluster.pass(6, |cluster| kubelets.tick(cluster));
    assert_eq!(ready_endpoints(&cluster), 3, "nobody is sent to a silent node");
    assert_eq!(cluster.world.pods_on("n2").filter(|pod| pod.is_deleting()).count(), 0, "they tolerate it for a while");
    cluster.pass(10, |cluster| kubelets.tick(cluster));
    assert_eq!(cluster.world.pods_on("n2").filter(|pod| pod.is_deleting()).count(), 3);
    assert_eq!(ready(&cluster.world), 6);
    assert_eq!(ready_endpoints(&cluster), 6);
    cluster.pass(45, |cluster| kubelets.tick(cluster));
    assert_eq!(cluster.all(Resource::PODS).len(), 6, "those on the lost node are given up after their grace");

    kubelets.alive = vec!["n1", "n2"];
    cluster.pass(6, |cluster| kubelets.tick(cluster));
    let node = cluster.get(&ObjectRef::cluster(Resource::NODES, "n2")).unwrap();
    assert!(node["spec"]["taints"].is_null(), "{node}");
}

#[test]
fn a_deleted_namespace_is_emptied_and_goes() {
    let (mut cluster, mut kubelets) = shop();
    cluster.settle();
    cluster.pass(5, |cluster| kubelets.tick(cluster));
    let namespace = ObjectRef::cluster(Resource::NAMESPACES, "default");
    cluster.delete(&namespace, None, None);
    // The registry refuses creations in it; here nothing does, so workloads go first.
    cluster.settle();
    cluster.pass(10, |cluster| kubelets.tick(cluster));
    assert!(cluster.get(&namespace).is_none());
    assert!(cluster.objects.keys().all(|object| object.namespace.is_empty()));
}

#[test]
fn a_deleted_deployment_takes_its_pods_along() {
    let (mut cluster, mut kubelets) = shop();
    cluster.settle();
    cluster.pass(5, |cluster| kubelets.tick(cluster));
    cluster.remove(&web());
    cluster.settle();
    cluster.pass(5, |cluster| kubelets.tick(cluster));
    assert!(cluster.all(Resource::REPLICA_SETS).is_empty());
    assert!(cluster.all(Resource::PODS).is_empty());
    assert_eq!(ready_endpoints(&cluster), 0);
}
