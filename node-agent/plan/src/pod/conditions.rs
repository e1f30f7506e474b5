//! The pod's conditions that its node owns: PodReadyToStartContainers, Initialized, ContainersReady, Ready.

use k8s_openapi::api::core::v1::{Container, PodCondition};

use super::action::Desired;
use super::observed::{Observed, Preparation};
use super::phase::Phase;
use crate::moment::Moment;

/// Whether a condition holds, and if not, why not.
struct Verdict {
    holds: bool,
    reason: &'static str,
    message: String,
}

impl Verdict {
    fn holds() -> Verdict {
        Verdict { holds: true, reason: "", message: String::new() }
    }

    fn fails(reason: &'static str, message: String) -> Verdict {
        Verdict { holds: false, reason, message }
    }
}

/// The conditions now; those that have not changed keep their transition time from `previous`.
pub fn conditions(
    desired: &Desired,
    observed: &Observed,
    phase: Phase,
    previous: &[PodCondition],
    now: Moment,
) -> Vec<PodCondition> {
    let sandboxed = observed.sandbox == Preparation::Ready;
    let prepared = Verdict { holds: sandboxed, reason: "", message: String::new() };
    let ready = containers_ready(desired, observed, phase);
    let gated = pod_ready(desired, &ready);
    [
        ("PodReadyToStartContainers", prepared),
        ("Initialized", initialized(desired, observed, phase)),
        ("Ready", gated),
        ("ContainersReady", ready),
    ]
    .into_iter()
    .map(|(type_, verdict)| condition(type_, verdict, previous, now))
    .collect()
}

fn condition(type_: &str, verdict: Verdict, previous: &[PodCondition], now: Moment) -> PodCondition {
    let status = if verdict.holds { "True" } else { "False" };
    let unchanged = previous.iter().find(|old| old.type_ == type_ && old.status == status);
    PodCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: some(verdict.reason),
        message: some(&verdict.message),
        last_transition_time: unchanged.and_then(|old| old.last_transition_time.clone()).or_else(|| Some(now.time())),
        ..PodCondition::default()
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn initialized(desired: &Desired, observed: &Observed, phase: Phase) -> Verdict {
    if phase == Phase::Succeeded {
        return Verdict { reason: "PodCompleted", ..Verdict::holds() };
    }
    let init = desired.spec().init_containers.iter().flatten();
    let missing = names(init.filter(|container| !observed.is_past(container)));
    match missing.is_empty() {
        true => Verdict::holds(),
        false => Verdict::fails("ContainersNotInitialized", format!("containers with incomplete status: [{missing}]")),
    }
}

fn containers_ready(desired: &Desired, observed: &Observed, phase: Phase) -> Verdict {
    match phase {
        Phase::Succeeded => return Verdict::fails("PodCompleted", String::new()),
        Phase::Failed => return Verdict::fails("PodFailed", String::new()),
        Phase::Pending | Phase::Running => {}
    }
    let unready = |container: &&Container| !observed.container(&container.name).is_ready(container);
    let sidecars =
        desired.spec().init_containers.iter().flatten().filter(|container| crate::restart::is_sidecar(container));
    let missing = names(desired.spec().containers.iter().chain(sidecars).filter(unready));
    match missing.is_empty() {
        true => Verdict::holds(),
        false => Verdict::fails("ContainersNotReady", format!("containers with unready status: [{missing}]")),
    }
}

/// Ready: the containers are, and every readiness gate's condition is true.
fn pod_ready(desired: &Desired, containers: &Verdict) -> Verdict {
    if !containers.holds {
        return Verdict::fails(containers.reason, containers.message.clone());
    }
    let set = |type_: &str| {
        let conditions = desired.pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.filter(|condition| condition.type_ == type_).any(|condition| condition.status == "True")
    };
    let gates = desired.spec().readiness_gates.iter().flatten();
    match gates.map(|gate| gate.condition_type.as_str()).find(|type_| !set(type_)) {
        None => Verdict::holds(),
        Some(type_) => Verdict::fails(
            "ReadinessGatesNotReady",
            format!("the status of pod readiness gate \"{type_}\" is not \"True\""),
        ),
    }
}

fn names<'a>(containers: impl Iterator<Item = &'a Container>) -> String {
    containers.map(|container| container.name.as_str()).collect::<Vec<_>>().join(" ")
}
