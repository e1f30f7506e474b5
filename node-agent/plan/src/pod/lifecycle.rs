//! From what is desired and observed to what is done now.

use k8s_openapi::api::core::v1::Container;

use super::action::{Action, Desired, StopCause};
use super::observed::{ContainerPhase, ContainerRecord, Hook, Observed, Preparation, Running};
use super::stage::{Stage, deadline, stage};
use super::stop::{self, Next};
use crate::moment::Moment;
use crate::probe::{KINDS, ProbeKind, Verdict};
use crate::restart::{RestartPolicy, is_sidecar};

/// What to do now, and when to ask again if nothing happens before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In this order.
    pub actions: Vec<Action>,
    /// Nothing is due before that; absent: nothing is due until something happens.
    pub wake: Option<Moment>,
}

/// Decides what to do for a pod.
pub fn plan(desired: &Desired, observed: &Observed, now: Moment) -> Plan {
    let mut planner = Planner { desired, observed, now, plan: Plan::default() };
    match stage(desired, observed, now) {
        Stage::Preparing => planner.prepare(),
        Stage::Initialising => planner.initialise(),
        Stage::Running => planner.run(),
        Stage::Stopping(cause) => planner.stop(&cause),
        Stage::Releasing => planner.act(Action::Release),
        Stage::Released => planner.report(),
        Stage::Forgotten => planner.act(Action::Forget),
    }
    planner.plan
}

struct Planner<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    now: Moment,
    plan: Plan,
}

impl Planner<'_> {
    fn act(&mut self, action: Action) {
        self.plan.actions.push(action);
    }

    /// Whether `at` has come; if not, asks again then.
    fn is_due(&mut self, at: Moment) -> bool {
        if at <= self.now {
            return true;
        }
        self.plan.wake = Some(self.plan.wake.map_or(at, |wake| wake.min(at)));
        false
    }

    fn watch_deadline(&mut self) {
        if let Some(at) = deadline(self.desired, self.observed) {
            self.is_due(at);
        }
    }

    fn prepare(&mut self) {
        self.watch_deadline();
        let (missing, action) = match self.observed.volumes {
            Preparation::Ready => (&self.observed.sandbox, Action::CreateSandbox),
            Preparation::Absent | Preparation::Failed(_) => (&self.observed.volumes, Action::PrepareVolumes),
        };
        let due = match missing {
            Preparation::Failed(failure) => self.is_due(failure.retry_at),
            Preparation::Absent | Preparation::Ready => true,
        };
        if due {
            self.act(action);
        }
    }

    fn initialise(&mut self) {
        self.watch_deadline();
        let desired = self.desired;
        for container in desired.spec().init_containers.iter().flatten() {
            let past = self.observed.is_past(container);
            if is_sidecar(container) || !past {
                self.drive(container, RestartPolicy::of_init_container(desired.spec(), container));
            }
            if !past {
                return;
            }
        }
    }

    fn run(&mut self) {
        self.watch_deadline();
        let desired = self.desired;
        for container in desired.spec().init_containers.iter().flatten().filter(|container| is_sidecar(container)) {
            self.drive(container, RestartPolicy::Always);
        }
        for container in &desired.spec().containers {
            self.drive(container, RestartPolicy::of_pod(desired.spec()));
        }
    }

    /// Moves one container that is wanted towards running and healthy.
    fn drive(&mut self, container: &Container, policy: RestartPolicy) {
        let record = self.observed.container(&container.name);
        match &record.phase {
            ContainerPhase::Waiting(failure) => {
                if failure.as_ref().is_none_or(|failure| self.is_due(failure.retry_at)) {
                    self.start(container, record);
                }
            }
            ContainerPhase::Exited(exit) => {
                if policy.restarts(exit.code) && self.is_due(record.back_off.allowed_at(exit.finished_at)) {
                    self.start(container, record);
                }
            }
            ContainerPhase::Running(running) => self.tend(container, record, running),
        }
    }

    fn start(&mut self, container: &Container, record: &ContainerRecord) {
        self.act(Action::Start { container: container.name.clone(), attempt: record.starts });
    }

    fn tend(&mut self, container: &Container, record: &ContainerRecord, running: &Running) {
        if let Some(cause) = sickness(record, running) {
            let deadline = stop::container_deadline(self.desired, &container.name, &cause, self.now);
            return self.stop_container(container, running, cause, deadline);
        }
        if running.post_start == Hook::Due {
            self.act(Action::PostStart { container: container.name.clone() });
        }
        for kind in KINDS {
            self.probe(container, record, running, kind);
        }
    }

    fn probe(&mut self, container: &Container, record: &ContainerRecord, running: &Running, kind: ProbeKind) {
        let Some(probe) = kind.of(container) else { return };
        let active = match kind {
            ProbeKind::Startup => record.probe(kind).verdict == Verdict::Unknown,
            ProbeKind::Readiness | ProbeKind::Liveness => record.is_started(container),
        };
        let run = record.probe(kind);
        if active && !run.in_flight && self.is_due(run.due(probe, running.started_at)) {
            self.act(Action::Probe { container: container.name.clone(), kind });
        }
    }

    fn stop(&mut self, cause: &StopCause) {
        let deadline = stop::pod_deadline(self.desired, self.observed, cause, self.now);
        for container in stop::order(self.desired, self.observed) {
            if let Some(running) = self.observed.container(&container.name).running() {
                self.stop_container(container, running, cause.clone(), deadline);
            }
        }
    }

    fn stop_container(&mut self, container: &Container, running: &Running, cause: StopCause, deadline: Moment) {
        match stop::next(container, running, cause, deadline, self.now) {
            Next::Act(action) => self.act(action),
            Next::Wait(at) => {
                self.is_due(at);
            }
        }
    }

    fn report(&mut self) {
        if self.desired.is_leaving() && !self.observed.reported_terminated {
            self.act(Action::ReportTerminated);
        }
    }
}

/// Why a running container is to be stopped although the pod goes on.
fn sickness(record: &ContainerRecord, running: &Running) -> Option<StopCause> {
    if let Some(stop) = &running.stop {
        return Some(stop.cause.clone());
    }
    if running.post_start == Hook::Failed {
        return Some(StopCause::PostStartFailed);
    }
    [ProbeKind::Startup, ProbeKind::Liveness]
        .into_iter()
        .find(|kind| record.probe(*kind).verdict == Verdict::Unhealthy)
        .map(StopCause::Unhealthy)
}
