//! The cells of a Pod: how many containers are ready, one word for its state, how often it restarted.
//!
//! The word is the most telling thing there is: a container's waiting reason before the phase, `Init:1/2` while init
//! containers run, `Terminating` once deletion has begun.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age;
use crate::value::{list, number, text};

/// What the containers say together.
#[derive(Debug, Default)]
struct Summary {
    ready: usize,
    total: usize,
    restarts: i64,
    last_restart: Option<Timestamp>,
    word: String,
}

/// `1/2`.
pub fn ready(pod: &Value, _: Timestamp) -> Value {
    let summary = summarize(pod);
    json!(format!("{}/{}", summary.ready, summary.total))
}

/// One word.
pub fn status(pod: &Value, _: Timestamp) -> Value {
    json!(summarize(pod).word)
}

/// `2 (3m ago)`.
pub fn restarts(pod: &Value, now: Timestamp) -> Value {
    let summary = summarize(pod);
    match summary.last_restart {
        Some(at) if summary.restarts > 0 => {
            json!(format!("{} ({} ago)", summary.restarts, age::human(now.as_second() - at.as_second())))
        }
        _ => json!(summary.restarts.to_string()),
    }
}

fn summarize(pod: &Value) -> Summary {
    let phase = text(pod, "/status/phase").unwrap_or_default();
    let reason = text(pod, "/status/reason");
    let gated =
        crate::conditions::find(pod, "PodScheduled").and_then(|c| text(c, "/reason")) == Some("SchedulingGated");
    let word = if gated { "SchedulingGated" } else { reason.unwrap_or(phase) };
    let sidecars = list(pod, "/spec/initContainers").iter().filter(|c| is_sidecar(c)).count();
    let mut summary =
        Summary { total: list(pod, "/spec/containers").len() + sidecars, word: word.to_owned(), ..Summary::default() };
    let initializing = init_containers(pod, &mut summary);
    if !initializing || crate::conditions::is_true(pod, "Initialized") {
        containers(pod, &mut summary, initializing);
    }
    deletion(pod, phase, &mut summary);
    summary
}

fn is_sidecar(container: &Value) -> bool {
    text(container, "/restartPolicy") == Some("Always")
}

fn note_restart(container: &Value, summary: &mut Summary) {
    let finished = text(container, "/lastState/terminated/finishedAt").and_then(|t| t.parse().ok());
    summary.last_restart = summary.last_restart.max(finished);
    summary.restarts += number(container, "/restartCount").unwrap_or(0);
}

/// Whether an init container is still at work; the word says which.
fn init_containers(pod: &Value, summary: &mut Summary) -> bool {
    let specs = list(pod, "/spec/initContainers");
    for (index, container) in list(pod, "/status/initContainerStatuses").iter().enumerate() {
        note_restart(container, summary);
        let spec = specs.iter().find(|s| s.get("name") == container.get("name"));
        let sidecar = spec.is_some_and(is_sidecar);
        if sidecar && container["started"] == true {
            summary.ready += usize::from(container["ready"] == true);
            continue;
        }
        if number(container, "/state/terminated/exitCode") == Some(0) {
            continue;
        }
        summary.word = init_word(container, index, specs.len());
        return true;
    }
    false
}

fn init_word(container: &Value, index: usize, total: usize) -> String {
    if let Some(terminated) = container.pointer("/state/terminated").filter(|t| t.is_object()) {
        return format!("Init:{}", terminated_word(terminated));
    }
    match text(container, "/state/waiting/reason").filter(|reason| *reason != "PodInitializing") {
        Some(reason) => format!("Init:{reason}"),
        None => format!("Init:{index}/{total}"),
    }
}

fn terminated_word(terminated: &Value) -> String {
    match (text(terminated, "/reason"), number(terminated, "/signal").filter(|s| *s != 0)) {
        (Some(reason), _) => reason.to_owned(),
        (None, Some(signal)) => format!("Signal:{signal}"),
        (None, None) => format!("ExitCode:{}", number(terminated, "/exitCode").unwrap_or(0)),
    }
}

fn containers(pod: &Value, summary: &mut Summary, initializing: bool) {
    let mut running = false;
    for container in list(pod, "/status/containerStatuses").iter().rev() {
        note_restart(container, summary);
        let terminated = container.pointer("/state/terminated").filter(|t| t.is_object());
        if let Some(reason) = text(container, "/state/waiting/reason") {
            reason.clone_into(&mut summary.word);
        } else if let Some(terminated) = terminated {
            summary.word = terminated_word(terminated);
        } else if container["ready"] == true && container["state"]["running"].is_object() {
            running = true;
            summary.ready += 1;
        }
    }
    if summary.word == "Completed" && running && !initializing {
        let word = if crate::conditions::is_true(pod, "Ready") { "Running" } else { "NotReady" };
        word.clone_into(&mut summary.word);
    }
}

fn deletion(pod: &Value, phase: &str, summary: &mut Summary) {
    if text(pod, "/metadata/deletionTimestamp").is_none() {
        return;
    }
    if text(pod, "/status/reason") == Some("NodeLost") {
        "Unknown".clone_into(&mut summary.word);
    } else if !matches!(phase, "Succeeded" | "Failed") {
        "Terminating".clone_into(&mut summary.word);
    }
}
