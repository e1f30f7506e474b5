//! The taints that say what state a node is in. Taints of other keys are left as they are.

use serde_json::json;

use super::Watched;
use crate::action::Action;
use crate::time::Moment;
use crate::world::{NodeFacts, Readiness};

use k8s_openapi::api::core::v1::Taint;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

pub(super) const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Conditions, and the taints that keep further pods away while they are True.
const TROUBLES: [(&str, &str); 4] = [
    ("MemoryPressure", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "node.kubernetes.io/disk-pressure"),
    ("PIDPressure", "node.kubernetes.io/pid-pressure"),
    ("NetworkUnavailable", "node.kubernetes.io/network-unavailable"),
];

/// Brings the node's taints in line with its state.
pub(super) fn settle(node: &Watched<'_>, now: Moment) -> Option<Action> {
    let wanted = wanted(node.facts);
    let is_wanted = |taint: &Taint| wanted.iter().any(|(key, effect)| taint.key == *key && taint.effect == *effect);
    let mut taints: Vec<Taint> =
        node.facts.taints.iter().filter(|t| !is_ours(&t.key) || is_wanted(t)).cloned().collect();
    for (key, effect) in &wanted {
        if !taints.iter().any(|taint| taint.key == *key && taint.effect == *effect) {
            taints.push(taint(key, effect, now));
        }
    }
    if taints == node.facts.taints {
        return None;
    }
    let taints = if taints.is_empty() { json!(null) } else { json!(taints) };
    Some(Action::Patch { target: node.entry.exactly(), status: false, patch: json!({"spec": {"taints": taints}}) })
}

fn wanted(facts: &NodeFacts) -> Vec<(&'static str, &'static str)> {
    let mut wanted = match facts.readiness {
        Readiness::Ready => Vec::new(),
        // It may be about to say that it is well.
        Readiness::Unsaid if facts.taints.iter().any(|taint| taint.key == UNREACHABLE) => {
            vec![(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")]
        }
        Readiness::NotReady | Readiness::Unsaid => vec![(NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute")],
        Readiness::Unknown => vec![(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")],
    };
    if facts.unschedulable {
        wanted.push((UNSCHEDULABLE, "NoSchedule"));
    }
    let present = TROUBLES.iter().filter(|(condition, _)| facts.troubles.iter().any(|t| t == condition));
    wanted.extend(present.map(|(_, key)| (*key, "NoSchedule")));
    wanted
}

fn is_ours(key: &str) -> bool {
    [NOT_READY, UNREACHABLE, UNSCHEDULABLE].contains(&key) || TROUBLES.iter().any(|(_, taint)| *taint == key)
}

fn taint(key: &str, effect: &str, now: Moment) -> Taint {
    Taint { key: key.to_owned(), effect: effect.to_owned(), value: None, time_added: Some(Time(now.whole_seconds())) }
}
