//! A node on a stage: masters are played by the test.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use xebec_node_plan::pod::observed::Observed;
use xebec_proto::v1::{OpenStream, PodRemoved, Reference, StreamFrame};

use super::double::{NamedTokens, UnconnectedNetwork};
use crate::config::AgentConfig;
use crate::containerd::Runtime;
use crate::link::{StreamConnection, Uplink, Work};
use crate::node::Node;
use crate::pods::{Pods, adopt};
use crate::streams::Streams;

/// Nothing here takes longer, on a machine that does many other things.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Stage {
    pub(super) node: Arc<Node>,
    pub(super) network: Arc<UnconnectedNetwork>,
    pub(super) pods: Pods,
    pub(super) images: watch::Sender<u64>,
    pub(super) adopted: usize,
    work: mpsc::Sender<Work>,
    running: JoinHandle<()>,
    revision: u64,
}

impl Stage {
    pub(super) async fn open(data_dir: &Path, root_cgroup: &str, runtime: Arc<dyn Runtime>) -> Stage {
        let config = AgentConfig {
            node_name: "n1".into(),
            data_dir: data_dir.to_owned(),
            root_cgroup: root_cgroup.to_owned(),
            ..AgentConfig::default()
        };
        let network = Arc::new(UnconnectedNetwork::new());
        let node = Arc::new(Node::new(config, runtime, network.clone(), Uplink::new(), Arc::new(NamedTokens)));
        let images = watch::Sender::new(0);
        let pods = Pods::new(node.clone(), images.subscribe());
        let adopted = adopt(&node, &pods).await.expect("pods are taken up");
        let (work, works) = mpsc::channel(16);
        let running = tokio::spawn(pods.clone().run(works));
        Stage { node, network, pods, images, adopted, work, running, revision: 1 }
    }

    /// Ends the agent; containers go on.
    pub(super) async fn close(self) {
        self.pods.shutdown().await;
        self.running.await.unwrap();
    }

    pub(super) async fn assign(&mut self, pod: &Pod) {
        self.revision += 1;
        let work = Work::Pod { revision: self.revision, pod: Box::new(pod.clone()), references: Vec::new() };
        self.work.send(work).await.unwrap();
    }

    pub(super) async fn assign_at(&mut self, revision: u64, pod: &Pod) {
        self.revision = revision - 1;
        self.assign(pod).await;
    }

    pub(super) async fn refer(&self, reference: Reference) {
        self.work.send(Work::Reference { revision: self.revision, reference }).await.unwrap();
    }

    pub(super) async fn remove(&self, uid: &str) {
        let removed = PodRemoved { uid: uid.to_owned(), ..PodRemoved::default() };
        self.work.send(Work::PodRemoved(removed)).await.unwrap();
    }

    pub(super) async fn synced(&self, uids: &[&str]) {
        let pods: BTreeSet<String> = uids.iter().map(|uid| (*uid).to_owned()).collect();
        self.work.send(Work::Synced { revision: self.revision, pods }).await.unwrap();
    }

    /// Waits until what is known of a pod is as wanted.
    pub(super) async fn until(&self, uid: &str, what: &str, wanted: impl Fn(&Observed) -> bool) -> Observed {
        let found = tokio::time::timeout(PATIENCE, self.find(uid, wanted));
        found.await.unwrap_or_else(|_| {
            let known = self.pods.view(uid).map(|view| view.observed.borrow().clone());
            panic!("{what} within {PATIENCE:?}; known is {known:#?}")
        })
    }

    async fn find(&self, uid: &str, wanted: impl Fn(&Observed) -> bool) -> Observed {
        loop {
            let Some(view) = self.pods.view(uid) else {
                tokio::task::yield_now().await;
                continue;
            };
            let mut observed = view.observed;
            if let Ok(found) = observed.wait_for(&wanted).await {
                return found.clone();
            }
        }
    }

    pub(super) async fn until_gone(&self, uid: &str) {
        let gone = async {
            while self.pods.view(uid).is_some() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.expect("the pod is forgotten");
    }

    pub(super) fn status(&self, uid: &str) -> PodStatus {
        let view = self.pods.view(uid).expect("the pod is known");
        let (desired, observed) = (view.desired.borrow().clone(), view.observed.borrow().clone());
        xebec_node_plan::pod::status::status(&desired, &observed, None, [10, 0, 0, 1].into(), crate::node::now())
    }

    /// Opens a stream as a master would; gives both of its ends.
    pub(super) fn stream(&self, open: OpenStream) -> (mpsc::Sender<StreamFrame>, mpsc::Receiver<StreamFrame>) {
        let (output, from_node) = mpsc::channel(16);
        let (to_node, input) = mpsc::channel(16);
        let streams = Streams::new(self.node.clone(), self.pods.clone());
        tokio::spawn(async move { streams.serve_on(open, StreamConnection { output, input }).await });
        (to_node, from_node)
    }
}

pub(super) fn pod(uid: &str, spec: &Value) -> Pod {
    let value = json!({"metadata": {"name": uid, "namespace": "shop", "uid": uid}, "spec": spec});
    serde_json::from_value(value).unwrap()
}

pub(super) fn deleted(pod: &Pod, grace: i64) -> Pod {
    let mut pod = pod.clone();
    pod.metadata.deletion_timestamp = Some(crate::node::now().time());
    pod.metadata.deletion_grace_period_seconds = Some(grace);
    pod
}
