//! Drops ReplicaSets of long past templates, once the Deployment has arrived where it was going.

use super::progress;
use super::rollout::{Rollout, Set};
use crate::action::{Action, Propagation};

const DEFAULT_LIMIT: usize = 10;

pub(super) fn clean_up(rollout: &Rollout<'_>) -> Vec<Action> {
    let limit = rollout.spec.revision_history_limit.unwrap_or(DEFAULT_LIMIT);
    if !progress::is_complete(rollout) {
        return Vec::new();
    }
    let mut past: Vec<&Set<'_>> = rollout.old.iter().filter(|set| is_past(set)).collect();
    past.sort_by_key(|set| set.revision());
    let surplus = past.len().saturating_sub(limit);
    past[..surplus].iter().map(|set| delete(set)).collect()
}

fn is_past(set: &Set<'_>) -> bool {
    let observed = set.status.observed_generation >= set.entry.meta().generation;
    observed && set.replicas == 0 && set.status.replicas == 0 && !set.entry.is_deleting()
}

fn delete(set: &Set<'_>) -> Action {
    let target = set.entry.exactly();
    Action::Delete { target, grace_seconds: None, propagation: Some(Propagation::Background) }
}
