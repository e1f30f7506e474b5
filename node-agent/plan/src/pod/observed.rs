//! Everything the agent knows of a pod; kept in a file, so that another agent process can go on with it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::action::{Desired, StopCause};
use crate::moment::Moment;
use crate::probe::{ProbeKind, ProbeRun};
use crate::restart::BackOff;

/// What is known of a pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// When this node first saw the pod.
    pub first_seen: Option<Moment>,
    /// When this node first saw that the pod is to go.
    pub leaving_since: Option<Moment>,
    /// The volumes.
    pub volumes: Preparation,
    /// Namespaces and network.
    pub sandbox: Preparation,
    /// The pod's address; kept for the status after the sandbox is gone.
    pub address: Option<IpAddr>,
    /// The containers, init containers included, by name.
    pub containers: BTreeMap<String, ContainerRecord>,
    /// Whether the masters have been told that nothing is left.
    pub reported_terminated: bool,
}

/// How far something that a pod needs has been made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Preparation {
    /// Not made, or taken down again.
    #[default]
    Absent,
    /// Making it failed; it is tried again.
    Failed(Failure),
    /// It is there.
    Ready,
}

/// A failure, and when to try again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A word for programs, such as `ErrImagePull`.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// Failures in a row.
    pub count: u32,
    /// When to try again.
    pub retry_at: Moment,
}

/// What is known of one container over all its instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerRecord {
    /// The newest instance.
    pub phase: ContainerPhase,
    /// How many instances were started.
    pub starts: u32,
    /// How the instance before the newest ended.
    pub last: Option<Exit>,
    /// The image of the newest instance: its identifier.
    pub image_id: String,
    /// Delay of restarts.
    pub back_off: BackOff,
    /// Whether any instance was fully started; a sidecar that was lets the next init container start.
    pub started_once: bool,
    /// The newest instance's probes.
    pub probes: BTreeMap<ProbeKind, ProbeRun>,
}

/// The newest instance of a container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ContainerPhase {
    /// None runs yet; with the failure that keeps it from starting, if any.
    Waiting(Option<Failure>),
    /// It runs.
    Running(Running),
    /// It has ended.
    Exited(Exit),
}

impl Default for ContainerPhase {
    fn default() -> ContainerPhase {
        ContainerPhase::Waiting(None)
    }
}

/// A running instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// The runtime's identifier.
    pub id: String,
    /// Its first process.
    pub pid: u32,
    /// When it started.
    pub started_at: Moment,
    /// Its `postStart` hook.
    pub post_start: Hook,
    /// How far stopping it has come.
    pub stop: Option<Stop>,
}

/// A hook's course.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hook {
    /// To be run.
    Due,
    /// It runs.
    InFlight,
    /// There is none, or it succeeded.
    Done,
    /// It failed.
    Failed,
}

/// A container that is being stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Why.
    pub cause: StopCause,
    /// When it is killed.
    pub deadline: Moment,
    /// How far it has come.
    pub step: StopStep,
}

/// The steps of stopping a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopStep {
    /// The `preStop` hook runs.
    PreStop,
    /// The hook has ended.
    PreStopDone,
    /// It was asked to end.
    Terminating,
    /// It was killed at that moment.
    Killed(Moment),
}

/// How an instance ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The runtime's identifier.
    pub id: String,
    /// Its exit code; 128 and the signal's number if a signal ended it.
    pub code: i32,
    /// `Completed`, `Error`, `OOMKilled`, `StartError` or `ContainerStatusUnknown`.
    pub reason: String,
    /// The termination message.
    pub message: String,
    /// When it started.
    pub started_at: Moment,
    /// When it ended.
    pub finished_at: Moment,
}

impl Observed {
    /// Notes when the pod was first seen, and first seen to leave.
    pub fn notice(&mut self, desired: &Desired, now: Moment) {
        self.first_seen.get_or_insert(now);
        if desired.is_leaving() {
            self.leaving_since.get_or_insert(now);
        }
    }

    /// Whether any container runs.
    pub fn any_running(&self) -> bool {
        self.containers.values().any(|record| record.running().is_some())
    }

    /// What is known of a container; of one never seen, that it waits.
    pub fn container(&self, name: &str) -> &ContainerRecord {
        static UNKNOWN: std::sync::LazyLock<ContainerRecord> = std::sync::LazyLock::new(ContainerRecord::default);
        self.containers.get(name).unwrap_or(&UNKNOWN)
    }
}

impl ContainerRecord {
    /// The running instance.
    pub fn running(&self) -> Option<&Running> {
        match &self.phase {
            ContainerPhase::Running(running) => Some(running),
            ContainerPhase::Waiting(_) | ContainerPhase::Exited(_) => None,
        }
    }

    /// The end of the newest instance, if it has ended.
    pub fn exit(&self) -> Option<&Exit> {
        match &self.phase {
            ContainerPhase::Exited(exit) => Some(exit),
            ContainerPhase::Waiting(_) | ContainerPhase::Running(_) => None,
        }
    }

    /// The runtime's identifier of the newest instance.
    pub fn instance_id(&self) -> Option<&String> {
        self.running().map(|running| &running.id).or_else(|| self.exit().map(|exit| &exit.id))
    }

    /// How often the container was restarted.
    pub fn restart_count(&self) -> u32 {
        self.starts.saturating_sub(1)
    }

    /// One probe's course.
    pub fn probe(&self, kind: ProbeKind) -> ProbeRun {
        self.probes.get(&kind).copied().unwrap_or_default()
    }
}
