//! What the agent may be asked to do for a pod, and what it is asked to serve.

use k8s_openapi::api::core::v1::{Pod, PodSpec};

use crate::moment::Moment;
use crate::probe::ProbeKind;
use crate::references::References;

/// What is wanted of a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// The pod at its newest.
    pub pod: Pod,
    /// The pod object no longer exists: whatever still runs of it must stop.
    pub removed: bool,
    /// The contents of the ConfigMaps and Secrets it names.
    pub references: References,
}

impl Desired {
    /// The pod's spec.
    pub fn spec(&self) -> &PodSpec {
        static EMPTY: std::sync::LazyLock<PodSpec> = std::sync::LazyLock::new(PodSpec::default);
        self.pod.spec.as_ref().unwrap_or(&EMPTY)
    }

    /// Whether the pod is being deleted or is gone.
    pub fn is_leaving(&self) -> bool {
        self.removed || self.pod.metadata.deletion_timestamp.is_some()
    }
}

/// A signal to a container's first process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// A request to end; `lifecycle.stopSignal` if the container names one.
    Terminate,
    /// The end.
    Kill,
}

/// One thing to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make the pod's volumes ready.
    PrepareVolumes,
    /// Make namespaces, network, hosts files.
    CreateSandbox,
    /// Create and start a container; `attempt` counts from 0.
    Start {
        /// Which container.
        container: String,
        /// How often it was started before.
        attempt: u32,
    },
    /// Run the container's `postStart` hook.
    PostStart {
        /// Which container.
        container: String,
    },
    /// Try a probe once.
    Probe {
        /// Which container.
        container: String,
        /// Which of its probes.
        kind: ProbeKind,
    },
    /// Run the container's `preStop` hook; give it up at `deadline`.
    PreStop {
        /// Which container.
        container: String,
        /// Why the container is stopped.
        cause: StopCause,
        /// When the container is killed whatever the hook does.
        deadline: Moment,
    },
    /// Send a signal.
    Signal {
        /// Which container.
        container: String,
        /// Why the container is stopped.
        cause: StopCause,
        /// Which signal.
        signal: Signal,
        /// When the container is killed if it still runs.
        deadline: Moment,
    },
    /// Delete the containers, detach the network, unpin the namespaces, unmount the volumes.
    Release,
    /// Tell the masters that nothing of the deleted pod is left.
    ReportTerminated,
    /// Delete everything kept of the pod, its logs included, and end.
    Forget,
}

/// Why a container is stopped.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum StopCause {
    /// The pod is being deleted.
    Deleted,
    /// The pod object is gone.
    Removed,
    /// `activeDeadlineSeconds` has passed.
    DeadlineExceeded,
    /// The main containers have ended for good; what stops is a sidecar.
    Finished,
    /// A startup or liveness probe failed.
    Unhealthy(ProbeKind),
    /// Its `postStart` hook failed.
    PostStartFailed,
}
