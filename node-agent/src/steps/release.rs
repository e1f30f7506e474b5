//! Takes a pod down whose containers have ended: containers, network, namespaces, volumes, cgroups. In this order, for each
//! holds the next. Everything may be gone already.

use std::path::PathBuf;

use xebec_node_plan::pod::observed::{ContainerPhase, Observed};

use super::PodContext;
use super::start::container_id;
use crate::containerd::RuntimeError;
use crate::network::NetworkError;
use crate::sandbox::{SandboxError, unpin};
use crate::volumes::{VolumeError, unmount_below};

/// Something of a pod cannot be taken down; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// A container.
    #[error(transparent)]
    Container(#[from] RuntimeError),
    /// The network.
    #[error("cannot take the pod off the network")]
    Network(#[from] NetworkError),
    /// The namespaces.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The volumes.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// A directory.
    #[error("cannot remove {path}")]
    Remove {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// Takes down what runs or is held; logs and records stay.
pub async fn release(pod: &PodContext, observed: &Observed) -> Result<(), ReleaseError> {
    for (name, record) in &observed.containers {
        // An instance that could not be recorded as started has the number after the last.
        let newest = record.starts.saturating_sub(u32::from(!matches!(record.phase, ContainerPhase::Waiting(_))));
        for attempt in newest.saturating_sub(1)..=newest {
            pod.node.runtime.delete(&container_id(pod.uid(), name, attempt)).await?;
        }
    }
    pod.node.network.detach(pod.uid()).await?;
    pod.node.cgroups.remove_pod(pod.uid());
    let worker = pod.clone();
    let taken_down = tokio::task::spawn_blocking(move || take_down(&worker)).await;
    taken_down.expect("taking down does not panic, and is not cancelled")
}

fn take_down(pod: &PodContext) -> Result<(), ReleaseError> {
    unpin(&pod.namespaces())?;
    unmount_below(&pod.volumes())?;
    for directory in [pod.volumes(), pod.directory().join("fifo"), pod.directory().join("etc")] {
        remove(directory)?;
    }
    Ok(())
}

/// Removes all that is kept of a pod, its logs included.
pub fn forget(pod: &PodContext) -> Result<(), ReleaseError> {
    remove(pod.directory())?;
    let path = pod.node.layout.logs();
    pod.node.logs.forget_pod(&pod.desired.pod).map_err(|source| ReleaseError::Remove { path, source })
}

fn remove(path: PathBuf) -> Result<(), ReleaseError> {
    match std::fs::remove_dir_all(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(ReleaseError::Remove { path, source }),
        _ => Ok(()),
    }
}
