//! Recreate: every old pod is gone before the first new one comes.

use super::new_set;
use super::rollout::Rollout;
use crate::action::Action;

pub(super) fn advance(rollout: &Rollout<'_>) -> Vec<Action> {
    let running = rollout.old.iter().filter(|set| set.replicas > 0);
    let stopping: Vec<Action> = running.flat_map(|set| rollout.scale(set, 0)).collect();
    if !stopping.is_empty() || rollout.old_pods_remain() {
        return stopping;
    }
    match &rollout.new {
        None => new_set::create(rollout, rollout.replicas()),
        Some(new) if new.replicas != rollout.replicas() => rollout.scale(new, rollout.replicas()),
        Some(_) => Vec::new(),
    }
}
