//! What happens to a pod, and how the knowledge of it changes.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Container, PodSpec};

use super::action::{Signal, StopCause};
use super::observed::{
    ContainerPhase, ContainerRecord, Exit, Failure, Hook, Observed, Preparation, Running, Stop, StopStep,
};
use crate::moment::Moment;
use crate::probe::{ProbeKind, ProbeRun};
use crate::restart::retry_delay;

/// A hook that outlasts the grace period still leaves the container this long to end, in milliseconds.
const AFTER_PRE_STOP_MS: i64 = 2_000;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The volumes are there.
    VolumesReady,
    /// They could not be made.
    VolumesFailed(Problem),
    /// The sandbox is there, with this address.
    SandboxReady(IpAddr),
    /// It could not be made.
    SandboxFailed(Problem),
    /// The sandbox has vanished, and with it whatever ran in it (the machine was restarted).
    SandboxLost,
    /// Containers, sandbox and volumes are gone.
    Released,
    /// The masters have been told that nothing is left.
    ReportedTerminated,
    /// The object was sent again: the masters may not know that nothing is left.
    DesiredAgain,
    /// Images or references have changed: what waits for them may be tried at once.
    RetryNow,
    /// Something happened to a container.
    Container(String, ContainerEvent),
}

/// Why something could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A word for programs.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}

/// Something that happened to a container.
#[derive(Clone, Debug, PartialEq)]
pub enum ContainerEvent {
    /// A new instance runs.
    Started {
        /// The runtime's identifier.
        id: String,
        /// Its first process.
        pid: u32,
        /// The image's identifier.
        image_id: String,
    },
    /// No instance could be made.
    StartFailed(Problem),
    /// The newest instance ended.
    Exited(Exit),
    /// Its `postStart` hook starts.
    PostStartBegun,
    /// Its `postStart` hook has ended.
    PostStartDone(bool),
    /// Its `preStop` hook starts.
    PreStopBegun(StopCause, Moment),
    /// Its `preStop` hook has ended, well or not.
    PreStopDone,
    /// It was sent a signal.
    Signalled(StopCause, Signal, Moment),
    /// An attempt of a probe starts.
    ProbeBegun(ProbeKind),
    /// An attempt of a probe has ended.
    ProbeDone(ProbeKind, bool),
}

impl Observed {
    /// Folds in what happened.
    pub fn record(&mut self, spec: &PodSpec, event: Event, now: Moment) {
        match event {
            Event::VolumesReady => self.volumes = Preparation::Ready,
            Event::VolumesFailed(problem) => fail(&mut self.volumes, problem, now),
            Event::SandboxReady(address) => {
                self.sandbox = Preparation::Ready;
                self.address = Some(address);
            }
            Event::SandboxFailed(problem) => fail(&mut self.sandbox, problem, now),
            Event::SandboxLost => self.lose_sandbox(spec, now),
            Event::Released => (self.sandbox, self.volumes) = (Preparation::Absent, Preparation::Absent),
            Event::ReportedTerminated => self.reported_terminated = true,
            Event::DesiredAgain => self.reported_terminated = false,
            Event::RetryNow => self.retry_now(now),
            Event::Container(name, event) => {
                if let Some(container) = container_of(spec, &name) {
                    self.containers.entry(name).or_default().record(container, event, now);
                }
            }
        }
    }

    /// What an attempt in flight would have told is lost with the process that made it: it is made again.
    pub fn adopted(&mut self) {
        for record in self.containers.values_mut() {
            record.probes.values_mut().for_each(|run| run.in_flight = false);
            if let ContainerPhase::Running(running) = &mut record.phase {
                running.resume();
            }
        }
    }

    fn lose_sandbox(&mut self, spec: &PodSpec, now: Moment) {
        (self.sandbox, self.volumes) = (Preparation::Absent, Preparation::Absent);
        let init: Vec<&str> = spec.init_containers.iter().flatten().map(|container| container.name.as_str()).collect();
        for (name, record) in &mut self.containers {
            record.lose(now);
            if init.contains(&name.as_str()) {
                record.last = record.exit().cloned().or(record.last.take());
                record.phase = ContainerPhase::Waiting(None);
                record.started_once = false;
            }
        }
    }

    fn retry_now(&mut self, now: Moment) {
        let waiting = self.containers.values_mut().filter_map(|record| match &mut record.phase {
            ContainerPhase::Waiting(Some(failure)) => Some(failure),
            _ => None,
        });
        let prepared = [&mut self.volumes, &mut self.sandbox].into_iter().filter_map(|preparation| match preparation {
            Preparation::Failed(failure) => Some(failure),
            _ => None,
        });
        waiting.chain(prepared).for_each(|failure| failure.retry_at = now);
    }
}

impl Running {
    fn resume(&mut self) {
        if self.post_start == Hook::InFlight {
            self.post_start = Hook::Due;
        }
        if let Some(stop) = self.stop.as_mut().filter(|stop| stop.step == StopStep::PreStop) {
            stop.step = StopStep::PreStopDone;
        }
    }

    fn stopping(&mut self, cause: StopCause, deadline: Moment, step: StopStep) {
        let stop = self.stop.get_or_insert(Stop { cause, deadline, step });
        stop.step = step;
        stop.deadline = stop.deadline.min(deadline);
    }
}

impl ContainerRecord {
    fn record(&mut self, container: &Container, event: ContainerEvent, now: Moment) {
        match event {
            ContainerEvent::Started { id, pid, image_id } => self.start(container, (id, pid), image_id, now),
            ContainerEvent::StartFailed(problem) => self.fail_to_start(problem, now),
            ContainerEvent::Exited(exit) => self.end(exit),
            ContainerEvent::PostStartBegun => self.on_running(|running| running.post_start = Hook::InFlight),
            ContainerEvent::PostStartDone(well) => self.finish_post_start(container, well),
            ContainerEvent::PreStopBegun(cause, deadline) => {
                self.on_running(|running| running.stopping(cause, deadline, StopStep::PreStop));
            }
            ContainerEvent::PreStopDone => self.finish_pre_stop(now),
            ContainerEvent::Signalled(cause, Signal::Terminate, deadline) => {
                self.on_running(|running| running.stopping(cause, deadline, StopStep::Terminating));
            }
            ContainerEvent::Signalled(cause, Signal::Kill, deadline) => {
                self.on_running(|running| running.stopping(cause, deadline, StopStep::Killed(now)));
            }
            ContainerEvent::ProbeBegun(kind) => self.probes.entry(kind).or_default().start(now),
            ContainerEvent::ProbeDone(kind, success) => self.finish_probe(container, kind, success),
        }
    }

    fn start(&mut self, container: &Container, (id, pid): (String, u32), image_id: String, now: Moment) {
        if let ContainerPhase::Exited(exit) = &self.phase {
            self.back_off.retried(exit.finished_at, now);
            self.last = Some(exit.clone());
        }
        let hook = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.post_start.as_ref());
        let post_start = if hook.is_some() { Hook::Due } else { Hook::Done };
        self.starts += 1;
        self.image_id = image_id;
        self.probes.clear();
        self.phase = ContainerPhase::Running(Running { id, pid, started_at: now, post_start, stop: None });
        self.note_started(container);
    }

    fn fail_to_start(&mut self, problem: Problem, now: Moment) {
        let count = match &self.phase {
            ContainerPhase::Waiting(Some(failure)) => failure.count + 1,
            ContainerPhase::Waiting(None) | ContainerPhase::Running(_) => 1,
            ContainerPhase::Exited(exit) => {
                self.last = Some(exit.clone());
                1
            }
        };
        self.phase = ContainerPhase::Waiting(Some(failure(problem, count, now)));
    }

    fn end(&mut self, exit: Exit) {
        let counted = match &self.phase {
            ContainerPhase::Running(running) => running.id == exit.id,
            // It was created but could not be started: an instance all the same.
            ContainerPhase::Waiting(_) => {
                self.starts += 1;
                true
            }
            ContainerPhase::Exited(previous) if previous.id != exit.id => {
                self.back_off.retried(previous.finished_at, exit.finished_at);
                self.last = Some(previous.clone());
                self.starts += 1;
                true
            }
            ContainerPhase::Exited(_) => false,
        };
        if counted {
            self.probes.clear();
            self.phase = ContainerPhase::Exited(exit);
        }
    }

    fn lose(&mut self, now: Moment) {
        if let Some(running) = self.running() {
            self.end(Exit {
                id: running.id.clone(),
                code: 137,
                reason: "ContainerStatusUnknown".to_owned(),
                message: "The container could not be located when the node came back.".to_owned(),
                started_at: running.started_at,
                finished_at: now,
            });
        }
    }

    fn finish_post_start(&mut self, container: &Container, well: bool) {
        self.on_running(|running| running.post_start = if well { Hook::Done } else { Hook::Failed });
        self.note_started(container);
    }

    fn finish_pre_stop(&mut self, now: Moment) {
        self.on_running(|running| {
            if let Some(stop) = running.stop.as_mut().filter(|stop| stop.step == StopStep::PreStop) {
                stop.step = StopStep::PreStopDone;
                stop.deadline = stop.deadline.max(Moment(now.0.saturating_add(AFTER_PRE_STOP_MS)));
            }
        });
    }

    fn finish_probe(&mut self, container: &Container, kind: ProbeKind, success: bool) {
        let Some(probe) = kind.of(container) else { return };
        // A result that outlived its instance says nothing of the newest one.
        if let Some(run) = self.probes.get_mut(&kind).filter(|run: &&mut ProbeRun| run.in_flight) {
            run.finish(probe, success);
        }
        self.note_started(container);
    }

    fn note_started(&mut self, container: &Container) {
        self.started_once |= self.is_started(container);
    }

    fn on_running(&mut self, change: impl FnOnce(&mut Running)) {
        if let ContainerPhase::Running(running) = &mut self.phase {
            change(running);
        }
    }
}

/// The container or init container of that name.
pub fn container_of<'a>(spec: &'a PodSpec, name: &str) -> Option<&'a Container> {
    spec.init_containers.iter().flatten().chain(&spec.containers).find(|container| container.name == name)
}

fn fail(preparation: &mut Preparation, problem: Problem, now: Moment) {
    let count = match preparation {
        Preparation::Failed(failure) => failure.count + 1,
        Preparation::Absent | Preparation::Ready => 1,
    };
    *preparation = Preparation::Failed(failure(problem, count, now));
}

fn failure(problem: Problem, count: u32, now: Moment) -> Failure {
    let Problem { reason, message } = problem;
    Failure { reason, message, count, retry_at: now.after(retry_delay(count)) }
}
