//! Makes the pod's volumes, and keeps them current.

use xebec_node_plan::pod::event::{Event, Problem};

use super::PodContext;
use crate::volumes::{self, VolumeError};

/// Makes all volumes.
pub async fn prepare(pod: &PodContext) -> Event {
    let worker = pod.clone();
    let prepared = blocking(move || {
        let directory = worker.volumes();
        std::fs::create_dir_all(&directory).map_err(|source| VolumeError::Io {
            volume: String::new(),
            operation: "create",
            path: directory.clone(),
            source,
        })?;
        volumes::prepare(&directory, &worker.desired, &worker.surroundings())
    });
    match prepared.await {
        Ok(()) => Event::VolumesReady,
        Err(error) => {
            pod.node.warning(&pod.desired.pod, "FailedMount", &error.to_string());
            Event::VolumesFailed(Problem { reason: "FailedMount".to_owned(), message: error.to_string() })
        }
    }
}

/// Renews what volumes show of ConfigMaps and Secrets.
pub async fn refresh(pod: &PodContext) {
    let worker = pod.clone();
    let refreshed =
        blocking(move || volumes::refresh(&worker.volumes(), &worker.desired, &worker.surroundings())).await;
    if let Err(error) = refreshed {
        pod.node.warning(&pod.desired.pod, "FailedMount", &error.to_string());
    }
}

async fn blocking(work: impl FnOnce() -> Result<(), VolumeError> + Send + 'static) -> Result<(), VolumeError> {
    tokio::task::spawn_blocking(work).await.expect("making volumes does not panic, and is not cancelled")
}
