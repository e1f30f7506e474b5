//! RollingUpdate: the new set grows into the room that surge leaves, the old ones shrink by what availability allows.

use super::new_set;
use super::rollout::{Rollout, Set};
use crate::action::Action;

pub(super) fn advance(rollout: &Rollout<'_>) -> Vec<Action> {
    let grown = grow(rollout);
    if grown.is_empty() { shrink(rollout) } else { grown }
}

/// Brings the new set to the size it may have now.
fn grow(rollout: &Rollout<'_>) -> Vec<Action> {
    match &rollout.new {
        None => new_set::create(rollout, room(rollout, 0)),
        Some(new) => {
            let to = if new.replicas > rollout.replicas() {
                rollout.replicas()
            } else {
                new.replicas + room(rollout, new.replicas)
            };
            if to == new.replicas { Vec::new() } else { rollout.scale(new, to) }
        }
    }
}

/// How many more pods the new set may have: all sets together keep within surge, and itself within what is wanted.
fn room(rollout: &Rollout<'_>, new: i64) -> i64 {
    let free = rollout.max_replicas() - rollout.total();
    free.min(rollout.replicas() - new).max(0)
}

/// Takes from the old sets what is not needed: first pods that are not available anyway, then available ones, oldest set
/// first, as far as enough stay available.
fn shrink(rollout: &Rollout<'_>) -> Vec<Action> {
    let min_available = rollout.replicas() - rollout.max_unavailable();
    let new_unavailable = rollout.new.as_ref().map_or(0, |new| new.replicas - new.available());
    let allowed = rollout.total() - min_available - new_unavailable;
    if allowed <= 0 {
        return Vec::new();
    }
    let mut sizes: Vec<i64> = rollout.old.iter().map(|set| set.replicas).collect();
    let left = take_unavailable(&rollout.old, &mut sizes, allowed);
    let available: i64 = rollout.sets().map(Set::available).sum();
    take_available(&mut sizes, left.min(available - min_available));
    let changed = rollout.old.iter().zip(sizes).filter(|(set, size)| set.replicas != *size);
    changed.flat_map(|(set, size)| rollout.scale(set, size)).collect()
}

/// Takes unavailable pods away. Says how many more may go.
fn take_unavailable(sets: &[Set<'_>], sizes: &mut [i64], mut allowed: i64) -> i64 {
    for (set, size) in sets.iter().zip(sizes) {
        let taken = (set.replicas - set.available()).clamp(0, allowed);
        *size -= taken;
        allowed -= taken;
    }
    allowed
}

fn take_available(sizes: &mut [i64], mut allowed: i64) {
    for size in sizes {
        let taken = (*size).min(allowed).max(0);
        *size -= taken;
        allowed -= taken;
    }
}
