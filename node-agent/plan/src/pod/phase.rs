//! The pod's phase.

use k8s_openapi::api::core::v1::{Pod, PodSpec};

use super::action::{Desired, StopCause};
use super::observed::{ContainerPhase, Observed};
use super::stage::{Stage, stage};
use crate::moment::Moment;
use crate::restart::RestartPolicy;

/// The simple summary of where a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not every container has been started yet.
    Pending,
    /// All were started; at least one runs or will.
    Running,
    /// All ended well and stay so.
    Succeeded,
    /// All ended and stay so, at least one badly.
    Failed,
}

impl Phase {
    /// As the API writes it.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Pending => "Pending",
            Phase::Running => "Running",
            Phase::Succeeded => "Succeeded",
            Phase::Failed => "Failed",
        }
    }
}

/// Whether the masters hold the pod to be over. It then never runs again, whatever this node knows of it.
pub fn is_over(pod: &Pod) -> bool {
    told(pod).is_some()
}

fn told(pod: &Pod) -> Option<Phase> {
    match pod.status.as_ref()?.phase.as_deref()? {
        "Succeeded" => Some(Phase::Succeeded),
        "Failed" => Some(Phase::Failed),
        _ => None,
    }
}

/// The phase that follows from what is desired and observed.
pub fn phase(desired: &Desired, observed: &Observed, now: Moment) -> Phase {
    if let Some(over) = told(&desired.pod) {
        return over;
    }
    let spec = desired.spec();
    match stage(desired, observed, now) {
        Stage::Stopping(StopCause::DeadlineExceeded) => Phase::Running,
        Stage::Releasing | Stage::Released | Stage::Forgotten => outcome(spec, observed),
        Stage::Stopping(StopCause::Finished) if RestartPolicy::of_pod(spec) != RestartPolicy::Always => {
            outcome(spec, observed)
        }
        Stage::Preparing | Stage::Initialising | Stage::Running | Stage::Stopping(_) => living(spec, observed),
    }
}

/// Of a pod whose containers have all ended for good.
fn outcome(spec: &PodSpec, observed: &Observed) -> Phase {
    let well = |name: &str| observed.container(name).exit().is_some_and(|exit| exit.code == 0);
    let all = !spec.containers.is_empty() && spec.containers.iter().all(|container| well(&container.name));
    if all { Phase::Succeeded } else { Phase::Failed }
}

fn living(spec: &PodSpec, observed: &Observed) -> Phase {
    let never_started = |name: &str| {
        let record = observed.container(name);
        matches!(record.phase, ContainerPhase::Waiting(_)) && record.last.is_none()
    };
    let pending = spec.containers.iter().any(|container| never_started(&container.name));
    if pending { Phase::Pending } else { Phase::Running }
}
