//! Follows a change of `spec.replicas`. In the midst of a roll-over, or while paused, every set that has pods gets its
//! share, so that no template gains or loses ground by it.
//!
//! Each set remembers in annotations what the Deployment wanted when the set was last scaled; that the wish has changed
//! is seen from these, whoever changed it and whenever.

use super::rollout::{DESIRED, MAX, Rollout, Set};
use crate::action::Action;

pub(super) fn resize(rollout: &Rollout<'_>) -> Vec<Action> {
    let mut active: Vec<&Set<'_>> = rollout.sets().filter(|set| set.replicas > 0).collect();
    let resized = active.iter().any(|set| set.number(DESIRED).is_some_and(|desired| desired != rollout.replicas()));
    if !resized && !rollout.paused() {
        return Vec::new();
    }
    match active.as_slice() {
        [] => rollout.new.as_ref().map(|new| only(rollout, new)).unwrap_or_default(),
        [one] => only(rollout, one),
        _ if rollout.recreates() => Vec::new(),
        _ => {
            if !resized {
                return Vec::new();
            }
            let change = allowed(rollout) - rollout.total();
            order(&mut active, change);
            share(rollout, &active, change)
        }
    }
}

/// The only set that counts gets all. Before its first roll-over has a set, a paused Deployment has none to scale.
fn only(rollout: &Rollout<'_>, set: &Set<'_>) -> Vec<Action> {
    if set.replicas == rollout.replicas() && set.number(DESIRED) == Some(rollout.replicas()) {
        return Vec::new();
    }
    rollout.scale(set, rollout.replicas())
}

fn allowed(rollout: &Rollout<'_>) -> i64 {
    if rollout.replicas() == 0 { 0 } else { rollout.max_replicas() }
}

/// Largest first; among equals the newer gains first, the older loses first.
fn order(sets: &mut [&Set<'_>], change: i64) {
    let created = |set: &Set<'_>| set.entry.meta().creation_timestamp.clone();
    sets.sort_by(|a, b| {
        let by_age = created(a).cmp(&created(b));
        let by_age = if change > 0 { by_age.reverse() } else { by_age };
        b.replicas.cmp(&a.replicas).then(by_age)
    });
}

/// Gives each set its share of the change; what rounding leaves goes to the first.
fn share(rollout: &Rollout<'_>, sets: &[&Set<'_>], change: i64) -> Vec<Action> {
    let mut given = 0;
    let mut sizes: Vec<i64> = sets
        .iter()
        .map(|set| {
            let part = within(proportion(rollout, set), change - given);
            given += part;
            set.replicas + part
        })
        .collect();
    if let Some(first) = sizes.first_mut() {
        *first = (*first + change - given).max(0);
    }
    sets.iter().zip(sizes).flat_map(|(set, size)| rollout.scale(set, size)).collect()
}

/// How much a set would change if it kept its part of the whole.
fn proportion(rollout: &Rollout<'_>, set: &Set<'_>) -> i64 {
    if rollout.replicas() == 0 {
        return -set.replicas;
    }
    let before = set.number(MAX).filter(|max| *max > 0).unwrap_or_else(|| rollout.total().max(1));
    (set.replicas * rollout.max_replicas() * 2 + before) / (before * 2) - set.replicas
}

/// Cut to what is left of the change.
fn within(part: i64, left: i64) -> i64 {
    if left >= 0 { part.clamp(0, left) } else { part.clamp(left, 0) }
}
