//! The PodStatus that users see.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    HostIP, PodIP, PodStatus,
};

use super::action::Desired;
use super::conditions::conditions;
use super::observed::{ContainerPhase, ContainerRecord, Exit, Observed, Preparation};
use super::phase::{Phase, is_over, phase};
use super::stage::{Stage, deadline, stage};
use crate::image::normalize;
use crate::moment::Moment;
use crate::resources::qos_class;
use crate::restart::{RestartPolicy, is_sidecar};

/// Derives the status. `previous` is the status derived before it, for the conditions' transition times.
pub fn status(
    desired: &Desired,
    observed: &Observed,
    previous: Option<&PodStatus>,
    host: IpAddr,
    now: Moment,
) -> PodStatus {
    let spec = desired.spec();
    let phase = phase(desired, observed, now);
    let view = View { desired, observed, waits_for: waits_for(desired, observed, now) };
    let init = spec.init_containers.iter().flatten();
    let init = init.map(|container| view.container(container, RestartPolicy::of_init_container(spec, container)));
    let main = spec.containers.iter().map(|container| view.container(container, RestartPolicy::of_pod(spec)));
    let previous = previous.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let (reason, message) = reason(desired, observed, phase, now);
    PodStatus {
        phase: Some(phase.word().to_owned()),
        conditions: Some(conditions(desired, observed, phase, previous, now)),
        container_statuses: Some(main.collect()),
        init_container_statuses: spec.init_containers.is_some().then(|| init.collect()),
        host_ip: Some(host.to_string()),
        host_ips: Some(vec![HostIP { ip: host.to_string() }]),
        pod_ip: observed.address.map(|address| address.to_string()),
        pod_ips: observed.address.map(|address| vec![PodIP { ip: address.to_string() }]),
        start_time: observed.first_seen.map(Moment::time),
        qos_class: Some(qos_class(spec).word().to_owned()),
        observed_generation: desired.pod.metadata.generation,
        reason,
        message,
        ..PodStatus::default()
    }
}

fn reason(desired: &Desired, observed: &Observed, phase: Phase, now: Moment) -> (Option<String>, Option<String>) {
    if let Some(status) = desired.pod.status.as_ref().filter(|_| is_over(&desired.pod)) {
        return (status.reason.clone(), status.message.clone());
    }
    let exceeded = deadline(desired, observed).is_some_and(|deadline| deadline <= now);
    if exceeded && phase == Phase::Failed && !observed.is_finished(desired.spec()) {
        let message = "Pod was active on the node longer than the specified deadline".to_owned();
        return (Some("DeadlineExceeded".to_owned()), Some(message));
    }
    let blocked = [&observed.volumes, &observed.sandbox].into_iter().find_map(|preparation| match preparation {
        Preparation::Failed(failure) => Some(failure.message.clone()),
        Preparation::Absent | Preparation::Ready => None,
    });
    (None, blocked)
}

/// What containers wait for that have never been tried.
fn waits_for(desired: &Desired, observed: &Observed, now: Moment) -> &'static str {
    let has_init = desired.spec().init_containers.as_ref().is_some_and(|init| !init.is_empty());
    match stage(desired, observed, now) {
        Stage::Preparing | Stage::Initialising if has_init => "PodInitializing",
        _ => "ContainerCreating",
    }
}

struct View<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    waits_for: &'static str,
}

impl View<'_> {
    fn container(&self, container: &Container, policy: RestartPolicy) -> ContainerStatus {
        let record = self.observed.container(&container.name);
        let restarting = !self.desired.is_leaving() && record.exit().is_some_and(|exit| policy.restarts(exit.code));
        let is_init = self.desired.spec().init_containers.iter().flatten().any(|init| init.name == container.name);
        let completed = is_init && !is_sidecar(container) && record.exit().is_some_and(|exit| exit.code == 0);
        ContainerStatus {
            name: container.name.clone(),
            image: normalize(container.image.as_deref().unwrap_or_default()),
            image_id: record.image_id.clone(),
            container_id: container_id(record),
            restart_count: i32::try_from(record.restart_count()).unwrap_or(i32::MAX),
            ready: record.is_ready(container) || completed,
            started: Some(record.is_started(container)),
            state: Some(self.state(container, record, restarting)),
            last_state: Some(last_state(record, restarting)),
            ..ContainerStatus::default()
        }
    }

    fn state(&self, container: &Container, record: &ContainerRecord, restarting: bool) -> ContainerState {
        match &record.phase {
            ContainerPhase::Running(running) => ContainerState {
                running: Some(ContainerStateRunning { started_at: Some(running.started_at.time()) }),
                ..ContainerState::default()
            },
            ContainerPhase::Exited(exit) if restarting => self.crash_loop(container, record, exit),
            ContainerPhase::Exited(exit) => terminated(exit),
            ContainerPhase::Waiting(Some(failure)) => waiting(&failure.reason, &failure.message),
            ContainerPhase::Waiting(None) => waiting(self.waits_for, ""),
        }
    }

    fn crash_loop(&self, container: &Container, record: &ContainerRecord, exit: &Exit) -> ContainerState {
        let delay = record.back_off.delay(exit.finished_at);
        let metadata = &self.desired.pod.metadata;
        let pod = format!(
            "{}_{}({})",
            metadata.name.as_deref().unwrap_or_default(),
            metadata.namespace.as_deref().unwrap_or_default(),
            metadata.uid.as_deref().unwrap_or_default()
        );
        let message = format!("back-off {}s restarting failed container={} pod={pod}", delay.as_secs(), container.name);
        waiting("CrashLoopBackOff", &message)
    }
}

fn container_id(record: &ContainerRecord) -> Option<String> {
    let running = record.running().map(|running| &running.id);
    let id = running.or_else(|| record.exit().or(record.last.as_ref()).map(|exit| &exit.id))?;
    Some(format!("containerd://{id}"))
}

fn last_state(record: &ContainerRecord, restarting: bool) -> ContainerState {
    let last = if restarting { record.exit() } else { record.last.as_ref() };
    last.map(terminated).unwrap_or_default()
}

fn waiting(reason: &str, message: &str) -> ContainerState {
    let message = (!message.is_empty()).then(|| message.to_owned());
    let waiting = ContainerStateWaiting { reason: Some(reason.to_owned()), message };
    ContainerState { waiting: Some(waiting), ..ContainerState::default() }
}

fn terminated(exit: &Exit) -> ContainerState {
    let terminated = ContainerStateTerminated {
        container_id: Some(format!("containerd://{}", exit.id)),
        exit_code: exit.code,
        reason: Some(exit.reason.clone()),
        message: (!exit.message.is_empty()).then(|| exit.message.clone()),
        started_at: Some(exit.started_at.time()),
        finished_at: Some(exit.finished_at.time()),
        signal: None,
    };
    ContainerState { terminated: Some(terminated), ..ContainerState::default() }
}
