//! Stopping containers: who first, with how much grace, and what next for each.
//!
//! Main and init containers stop together. Sidecars follow when those have ended, the last one first, in the time that is left.
//! Each container gets its `preStop` hook, then SIGTERM, and at its deadline SIGKILL.

use std::time::Duration;

use k8s_openapi::api::core::v1::Container;

use super::action::{Action, Desired, Signal, StopCause};
use super::event::container_of;
use super::observed::{Observed, Running, StopStep};
use crate::moment::Moment;
use crate::probe::ProbeKind;
use crate::restart::is_sidecar;

/// Grace of a pod that names none.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);
/// Grace when the object is already gone: its name may be in use elsewhere.
const REMOVED_GRACE: Duration = Duration::from_secs(2);
/// A kill that shows no effect is repeated after this.
const KILL_AGAIN: Duration = Duration::from_secs(5);

/// What to do next for a container that is to stop, and when to ask again.
pub fn next(container: &Container, running: &Running, cause: StopCause, deadline: Moment, now: Moment) -> Next {
    let name = container.name.clone();
    let (cause, deadline, step) = match &running.stop {
        Some(stop) => (stop.cause.clone(), stop.deadline.min(deadline), Some(stop.step)),
        None => (cause, deadline, None),
    };
    let kill =
        Next::Act(Action::Signal { container: name.clone(), cause: cause.clone(), signal: Signal::Kill, deadline });
    let terminate =
        Action::Signal { container: name.clone(), cause: cause.clone(), signal: Signal::Terminate, deadline };
    match step {
        Some(StopStep::Killed(at)) if now < at.after(KILL_AGAIN) => Next::Wait(at.after(KILL_AGAIN)),
        _ if now >= deadline => kill,
        None if has_pre_stop(container) => Next::Act(Action::PreStop { container: name, cause, deadline }),
        None | Some(StopStep::PreStopDone) => Next::Act(terminate),
        Some(StopStep::PreStop | StopStep::Terminating) => Next::Wait(deadline),
        Some(StopStep::Killed(_)) => kill,
    }
}

/// The next step of stopping a container.
pub enum Next {
    /// Do this now.
    Act(Action),
    /// Ask again then.
    Wait(Moment),
}

fn has_pre_stop(container: &Container) -> bool {
    container.lifecycle.as_ref().is_some_and(|lifecycle| lifecycle.pre_stop.is_some())
}

/// The containers that may be stopped now, of a pod that is to stop.
pub fn order<'a>(desired: &'a Desired, observed: &Observed) -> Vec<&'a Container> {
    let spec = desired.spec();
    let running = |container: &&Container| observed.container(&container.name).running().is_some();
    let init = || spec.init_containers.as_deref().unwrap_or_default().iter();
    let first: Vec<&Container> =
        init().filter(|container| !is_sidecar(container)).chain(&spec.containers).filter(running).collect();
    if !first.is_empty() {
        return first;
    }
    init().rfind(|container| is_sidecar(container) && running(container)).into_iter().collect()
}

/// When the containers of a pod that is to stop are killed.
pub fn pod_deadline(desired: &Desired, observed: &Observed, cause: &StopCause, now: Moment) -> Moment {
    let since = observed.leaving_since.unwrap_or(now);
    match cause {
        StopCause::Removed => since.after(REMOVED_GRACE.min(grace(desired))),
        StopCause::Deleted => since.after(deletion_grace(desired)),
        StopCause::DeadlineExceeded | StopCause::Finished | StopCause::Unhealthy(_) | StopCause::PostStartFailed => {
            now.after(grace(desired))
        }
    }
}

/// When one container, which is to be restarted, is killed.
pub fn container_deadline(desired: &Desired, container: &str, cause: &StopCause, now: Moment) -> Moment {
    let of_probe = match cause {
        StopCause::Unhealthy(kind) => probe_grace(desired, container, *kind),
        _ => None,
    };
    now.after(of_probe.unwrap_or_else(|| grace(desired)))
}

fn probe_grace(desired: &Desired, container: &str, kind: ProbeKind) -> Option<Duration> {
    let probe = kind.of(container_of(desired.spec(), container)?)?;
    Some(Duration::from_secs(u64::try_from(probe.termination_grace_period_seconds?).ok()?))
}

fn grace(desired: &Desired) -> Duration {
    let seconds = desired.spec().termination_grace_period_seconds;
    seconds.map_or(DEFAULT_GRACE, |seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn deletion_grace(desired: &Desired) -> Duration {
    let seconds = desired.pod.metadata.deletion_grace_period_seconds;
    seconds.map_or_else(|| grace(desired), |seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}
