//! The agent's start: pods that still run are taken up, whatever belongs to none is removed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use xebec_node_plan::pod::action::Desired;
use xebec_node_plan::pod::event::Event;
use xebec_node_plan::pod::observed::{ContainerRecord, Preparation};
use xebec_node_plan::references::References;

use super::manager::Pods;
use super::state::{SavedPod, StateError};
use crate::containerd::RuntimeError;
use crate::images::chain;
use crate::network::NetworkError;
use crate::node::{Node, now};
use crate::sandbox::{SandboxError, unpin};
use crate::steps::{PodContext, sandbox};
use crate::volumes::unmount_below;

/// Pods cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The runtime does not say what runs.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The network does not take them.
    #[error("cannot take up the network of pods")]
    Network(#[from] NetworkError),
}

/// Takes up what is there; gives the number of pods.
pub async fn adopt(node: &Arc<Node>, pods: &Pods) -> Result<usize, AdoptError> {
    let saved = read_all(node);
    node.network.adopt(&addresses(&saved)).await?;
    sweep(node, &saved).await?;
    let count = saved.len();
    for (_, pod) in saved {
        pods.resume(pod);
    }
    Ok(count)
}

fn read_all(node: &Arc<Node>) -> BTreeMap<String, SavedPod> {
    let mut all = BTreeMap::new();
    for directory in directories(&node.layout.pods()) {
        let uid = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match SavedPod::read(&directory) {
            Ok(saved) if saved.pod.metadata.uid.as_deref() == Some(uid.as_str()) => {
                all.insert(uid, revived(node, saved));
            }
            Ok(_) => tracing::warn!(path = %directory.display(), "a pod's record is in the wrong place"),
            Err(StateError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(error = chain(&error), "a pod's record cannot be used"),
        }
    }
    all
}

/// Forgets what cannot have survived.
fn revived(node: &Arc<Node>, mut saved: SavedPod) -> SavedPod {
    saved.observed.adopted();
    let desired = Desired { pod: saved.pod.clone(), removed: false, references: References::default() };
    let context = PodContext { node: node.clone(), desired: Arc::new(desired), address: None };
    let pinned = sandbox::own(&context).are_pinned(&context.namespaces());
    if saved.observed.sandbox == Preparation::Ready && !pinned {
        saved.observed.record(context.desired.spec(), Event::SandboxLost, now());
    }
    saved
}

fn addresses(saved: &BTreeMap<String, SavedPod>) -> Vec<(String, IpAddr)> {
    let live = saved.iter().filter(|(_, pod)| {
        let host = pod.pod.spec.as_ref().and_then(|spec| spec.host_network) == Some(true);
        pod.observed.sandbox == Preparation::Ready && !host
    });
    live.filter_map(|(uid, pod)| Some((uid.clone(), pod.observed.address?))).collect()
}

/// Removes containers, pins, mounts, cgroups, FIFOs and logs that belong to no pod.
async fn sweep(node: &Arc<Node>, saved: &BTreeMap<String, SavedPod>) -> Result<(), AdoptError> {
    let known: BTreeSet<&String> = saved.values().flat_map(instances).collect();
    for container in node.runtime.list().await? {
        if !known.contains(&container.id)
            && let Err(error) = node.runtime.delete(&container.id).await
        {
            tracing::warn!(id = %container.id, error = chain(&error), "a container of no pod could not be deleted");
        }
    }
    for directory in directories(&node.layout.pods()) {
        let uid = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !saved.contains_key(&uid)
            && let Err(error) = remove(&directory)
        {
            tracing::warn!(path = %directory.display(), error = chain(&error), "files of no pod could not be removed");
        }
    }
    for uid in node.cgroups.pods().iter().filter(|uid| !saved.contains_key(*uid)) {
        node.cgroups.remove_pod(uid);
    }
    for directory in directories(&node.layout.exec()) {
        if let Err(error) = std::fs::remove_dir_all(&directory) {
            tracing::debug!(path = %directory.display(), %error, "the pipes of a command could not be removed");
        }
    }
    node.logs.sweep(|uid| saved.contains_key(uid));
    Ok(())
}

/// The newest instances of the pod's containers.
fn instances(pod: &SavedPod) -> Vec<&String> {
    let records = pod.observed.containers.values();
    records.filter_map(ContainerRecord::instance_id).collect()
}

fn remove(directory: &Path) -> Result<(), SandboxError> {
    unpin(&directory.join("ns"))?;
    let failed = |source| SandboxError::File { operation: "remove", path: directory.to_owned(), source };
    unmount_below(&directory.join("volumes")).map_err(|error| failed(std::io::Error::other(error)))?;
    std::fs::remove_dir_all(directory).map_err(failed)
}

fn directories(path: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}
