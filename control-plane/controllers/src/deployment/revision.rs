//! Numbers the templates of a Deployment, so that people can go back to one.
//!
//! The set of the current template always has the highest number. A template that comes back (a rollback) brings its old
//! set, which gets a new number and remembers the ones it had. The Deployment repeats the number of its current set.

use std::collections::BTreeMap;

use serde_json::json;

use super::rollout::{DESIRED, MAX, REVISION, Rollout, Set};
use crate::action::Action;

const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// Numbers a set remembers of its own past; older ones are dropped.
const REMEMBERED: usize = 10;
/// Annotations of a Deployment that are about itself, not its template.
const OWN: [&str; 4] = [REVISION, DESIRED, MAX, "kubectl.kubernetes.io/last-applied-configuration"];

/// The number after all old sets'.
pub(super) fn next(rollout: &Rollout<'_>) -> i64 {
    rollout.old.iter().map(Set::revision).max().unwrap_or(0) + 1
}

/// The Deployment's annotations that its sets inherit.
pub(super) fn inherited(rollout: &Rollout<'_>) -> BTreeMap<String, String> {
    let annotations = rollout.entry.meta().annotations.iter();
    annotations.filter(|(key, _)| !OWN.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Brings the current set's annotations, then the Deployment's, up to date.
pub(super) fn number(rollout: &Rollout<'_>) -> Vec<Action> {
    let Some(new) = &rollout.new else { return Vec::new() };
    let missing = missing_annotations(rollout, new);
    if !missing.is_empty() {
        let patch = json!({"metadata": {"annotations": missing}});
        return vec![Action::Patch { target: new.entry.exactly(), status: false, patch }];
    }
    let current = new.revision().to_string();
    if rollout.entry.meta().annotations.get(REVISION) == Some(&current) {
        return Vec::new();
    }
    let patch = json!({"metadata": {"annotations": {REVISION: current}}});
    vec![Action::Patch { target: rollout.entry.exactly(), status: false, patch }]
}

fn missing_annotations(rollout: &Rollout<'_>, new: &Set<'_>) -> BTreeMap<String, String> {
    let mut wanted = inherited(rollout);
    let next = next(rollout);
    if new.revision() < next {
        wanted.insert(REVISION.into(), next.to_string());
        if new.revision() > 0 {
            wanted.insert(HISTORY.into(), remembered(new));
        }
    }
    let has = &new.entry.meta().annotations;
    wanted.retain(|key, value| has.get(key) != Some(value));
    wanted
}

/// The numbers the set had before, with the one it has now.
fn remembered(set: &Set<'_>) -> String {
    let before = set.entry.meta().annotations.get(HISTORY).map(String::as_str).unwrap_or_default();
    let mut numbers: Vec<&str> = before.split(',').filter(|number| !number.is_empty()).collect();
    let current = set.revision().to_string();
    numbers.push(&current);
    numbers[numbers.len().saturating_sub(REMEMBERED)..].join(",")
}
