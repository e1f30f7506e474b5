//! What is kept of a pod on disk, so that another agent process goes on with it: the pod, what was observed, the last status.
//!
//! Files are replaced by a rename. They are not synced: after a power cut no container runs, and the masters send the pods
//! again. Secrets are not among them.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use serde::{Deserialize, Serialize};
use xebec_node_plan::pod::observed::Observed;

/// A pod's record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be written or read.
    #[error("cannot use {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It cannot be understood.
    #[error("{path} is not a pod's record")]
    Json {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
}

/// A pod as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedPod {
    /// The pod at its newest.
    pub pod: Pod,
    /// What is known of it.
    pub observed: Observed,
    /// The status that was last told.
    pub status: Option<PodStatus>,
}

const NAME: &str = "pod.json";

impl SavedPod {
    /// Reads a pod's record from its directory.
    pub fn read(directory: &Path) -> Result<SavedPod, StateError> {
        let path = directory.join(NAME);
        let bytes = std::fs::read(&path).map_err(|source| StateError::Io { path: path.clone(), source })?;
        serde_json::from_slice(&bytes).map_err(|source| StateError::Json { path, source })
    }

    /// Writes it.
    pub fn write(&self, directory: &Path) -> Result<(), StateError> {
        let (path, next) = (directory.join(NAME), directory.join("pod.json.next"));
        let bytes = serde_json::to_vec(self).expect("API types have string keys only");
        let written = std::fs::create_dir_all(directory).and_then(|()| {
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.create(true).write(true).truncate(true).mode(0o600).open(&next)?;
            file.write_all(&bytes)?;
            std::fs::rename(&next, &path)
        });
        written.map_err(|source| StateError::Io { path, source })
    }
}
