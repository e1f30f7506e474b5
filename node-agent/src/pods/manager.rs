//! Takes work from the masters and gives each pod its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use xebec_node_plan::pod::action::Desired;
use xebec_node_plan::pod::observed::Observed;
use xebec_node_plan::references::{ReferenceKind, References, named_by};
use xebec_proto::v1::Reference;

use super::state::SavedPod;
use super::worker::{Inputs, Worker};
use crate::link::Work;
use crate::node::Node;
use crate::streams::Streams;

/// What others may know of a pod.
#[derive(Clone)]
pub struct PodView {
    /// What is wanted.
    pub desired: watch::Receiver<Arc<Desired>>,
    /// What is known.
    pub observed: watch::Receiver<Observed>,
}

struct Handle {
    revision: u64,
    desired: watch::Sender<Arc<Desired>>,
    observed: watch::Receiver<Observed>,
}

/// All pods of the node. Cheap to clone.
#[derive(Clone)]
pub struct Pods {
    node: Arc<Node>,
    images: watch::Receiver<u64>,
    stop: CancellationToken,
    tasks: TaskTracker,
    handles: Arc<Mutex<BTreeMap<String, Handle>>>,
}

impl Pods {
    /// No pods yet.
    pub fn new(node: Arc<Node>, images: watch::Receiver<u64>) -> Pods {
        Pods { node, images, stop: CancellationToken::new(), tasks: TaskTracker::new(), handles: Arc::default() }
    }

    /// Goes on with a pod that another agent process ran.
    pub fn resume(&self, saved: SavedPod) {
        let desired = Desired { pod: saved.pod, removed: false, references: References::default() };
        self.spawn(0, desired, saved.observed, saved.status);
    }

    /// Does what the masters ask, until they or the agent stop.
    pub async fn run(self, mut work: mpsc::Receiver<Work>) {
        let streams = Streams::new(self.node.clone(), self.clone());
        while let Some(Some(work)) = self.stop.run_until_cancelled(work.recv()).await {
            match work {
                Work::Pod { revision, pod, references } => self.assign(revision, *pod, &references),
                Work::PodRemoved(removed) => self.remove(&removed.uid),
                Work::Reference { reference, .. } => self.refer(&reference),
                Work::Synced { pods, .. } => self.keep_only(&pods),
                Work::OpenStream(open, dialer) => streams.serve(open, dialer),
            }
        }
    }

    /// Ends all tasks. Containers go on.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// A pod by its uid.
    pub fn view(&self, uid: &str) -> Option<PodView> {
        let handles = self.lock();
        let handle = handles.get(uid)?;
        Some(PodView { desired: handle.desired.subscribe(), observed: handle.observed.clone() })
    }

    /// All pods.
    pub fn views(&self) -> Vec<PodView> {
        let view = |handle: &Handle| PodView { desired: handle.desired.subscribe(), observed: handle.observed.clone() };
        self.lock().values().map(view).collect()
    }

    /// A pod at its newest; what is older than what is known is refused, so that a stale master cannot turn time back.
    fn assign(&self, revision: u64, pod: Pod, sent: &[Reference]) {
        let Some(uid) = pod.metadata.uid.clone() else { return };
        let mut references = References::default();
        sent.iter().for_each(|reference| put(&mut references, reference));
        let desired = Desired { pod, removed: false, references };
        if let Some(handle) = self.lock().get_mut(&uid) {
            if revision >= handle.revision && !handle.desired.borrow().removed {
                handle.revision = revision;
                handle.desired.send_replace(Arc::new(desired));
            }
            return;
        }
        self.spawn(revision, desired, Observed::default(), None);
    }

    fn remove(&self, uid: &str) {
        if let Some(handle) = self.lock().get(uid) {
            handle.desired.send_modify(|desired| Arc::make_mut(desired).removed = true);
        }
    }

    fn keep_only(&self, pods: &BTreeSet<String>) {
        let gone: Vec<String> = self.lock().keys().filter(|uid| !pods.contains(*uid)).cloned().collect();
        gone.iter().for_each(|uid| self.remove(uid));
    }

    fn refer(&self, reference: &Reference) {
        let Some(kind) = kind_of(reference) else { return };
        let key = (kind, reference.name.clone());
        for handle in self.lock().values() {
            let desired = handle.desired.borrow().clone();
            let namespace = desired.pod.metadata.namespace.as_deref();
            if namespace == Some(reference.namespace.as_str()) && named_by(desired.spec()).contains(&key) {
                handle.desired.send_modify(|desired| put(&mut Arc::make_mut(desired).references, reference));
            }
        }
    }

    fn spawn(
        &self,
        revision: u64,
        desired: Desired,
        observed: Observed,
        status: Option<k8s_openapi::api::core::v1::PodStatus>,
    ) {
        let Some(uid) = desired.pod.metadata.uid.clone() else { return };
        let (desired, inputs) = watch::channel(Arc::new(desired));
        let (published, view) = watch::channel(observed.clone());
        let inputs = Inputs { desired: inputs, images: self.images.clone(), stop: self.stop.clone() };
        let worker = Worker::new(self.node.clone(), inputs, observed, status, published);
        self.lock().insert(uid.clone(), Handle { revision, desired, observed: view });
        let (handles, stop) = (self.handles.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            worker.run().await;
            if !stop.is_cancelled() {
                handles.lock().expect("no holder of the handles can panic").remove(&uid);
            }
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Handle>> {
        self.handles.lock().expect("no holder of the handles can panic")
    }
}

fn kind_of(reference: &Reference) -> Option<ReferenceKind> {
    match reference.kind.as_str() {
        "ConfigMap" => Some(ReferenceKind::ConfigMap),
        "Secret" => Some(ReferenceKind::Secret),
        _ => None,
    }
}

/// Sets what was sent; what cannot be read counts as absent.
fn put(references: &mut References, reference: &Reference) {
    let Some(kind) = kind_of(reference) else { return };
    let name = &reference.name;
    match kind {
        ReferenceKind::ConfigMap => match serde_json::from_slice::<ConfigMap>(&reference.json) {
            Ok(object) => references.put_config_map(name, &object),
            Err(_) => references.remove(kind, name),
        },
        ReferenceKind::Secret => match serde_json::from_slice::<Secret>(&reference.json) {
            Ok(object) => references.put_secret(name, &object),
            Err(_) => references.remove(kind, name),
        },
    }
}
