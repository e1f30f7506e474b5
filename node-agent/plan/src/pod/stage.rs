//! Where in its life a pod is.

use std::time::Duration;

use super::action::{Desired, StopCause};
use super::observed::{Observed, Preparation};
use super::phase::is_over;
use crate::moment::Moment;

/// The stages of a pod's life on its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Volumes or sandbox are missing.
    Preparing,
    /// Init containers run, one after the other.
    Initialising,
    /// The main containers run.
    Running,
    /// Containers are being stopped.
    Stopping(StopCause),
    /// Nothing runs; sandbox and volumes are still there.
    Releasing,
    /// Nothing is left but the record and the logs.
    Released,
    /// The object is gone too.
    Forgotten,
}

/// The stage that follows from what is desired and observed.
pub fn stage(desired: &Desired, observed: &Observed, now: Moment) -> Stage {
    let Some(cause) = stop_cause(desired, observed, now) else {
        return running_stage(desired, observed);
    };
    let released = observed.sandbox == Preparation::Absent && observed.volumes == Preparation::Absent;
    match (observed.any_running(), released, desired.removed) {
        (true, _, _) => Stage::Stopping(cause),
        (false, false, _) => Stage::Releasing,
        (false, true, false) => Stage::Released,
        (false, true, true) => Stage::Forgotten,
    }
}

fn running_stage(desired: &Desired, observed: &Observed) -> Stage {
    let prepared = observed.sandbox == Preparation::Ready && observed.volumes == Preparation::Ready;
    match (prepared, observed.is_initialized(desired.spec())) {
        (false, _) => Stage::Preparing,
        (true, false) => Stage::Initialising,
        (true, true) => Stage::Running,
    }
}

/// Why the pod is to stop, if it is.
pub fn stop_cause(desired: &Desired, observed: &Observed, now: Moment) -> Option<StopCause> {
    if desired.removed {
        return Some(StopCause::Removed);
    }
    if desired.is_leaving() {
        return Some(StopCause::Deleted);
    }
    if is_over(&desired.pod) || observed.is_finished(desired.spec()) {
        return Some(StopCause::Finished);
    }
    deadline(desired, observed).is_some_and(|deadline| deadline <= now).then_some(StopCause::DeadlineExceeded)
}

/// When `activeDeadlineSeconds` passes.
pub fn deadline(desired: &Desired, observed: &Observed) -> Option<Moment> {
    let seconds = u64::try_from(desired.spec().active_deadline_seconds?).ok()?;
    Some(observed.first_seen?.after(Duration::from_secs(seconds)))
}
