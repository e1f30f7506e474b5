//! An owner that is being deleted and waits for something to become of its dependents.

use serde_json::json;

use super::{FOREGROUND, ORPHAN};
use crate::action::{Action, Propagation};
use crate::claim::without_owner;
use crate::world::{Entry, World};

/// Dependents dealt with in one look; the next follows when these show in the world.
const BATCH: usize = 500;

/// Deals with the dependents, or, when none is left that matters, takes off the finalizer.
pub(super) fn help(world: &World, owner: &Entry) -> Vec<Action> {
    let finalizers = &owner.meta().finalizers;
    if finalizers.iter().any(|finalizer| finalizer == ORPHAN) {
        orphan(world, owner)
    } else {
        delete_first(world, owner)
    }
}

fn orphan(world: &World, owner: &Entry) -> Vec<Action> {
    let uid = &owner.meta().uid;
    let orphaned: Vec<Action> = world.dependents(uid).take(BATCH).map(|entry| without_owner(entry, uid)).collect();
    if orphaned.is_empty() { vec![without_finalizer(owner, ORPHAN)] } else { orphaned }
}

fn delete_first(world: &World, owner: &Entry) -> Vec<Action> {
    let uid = &owner.meta().uid;
    let blocks = |entry: &Entry| entry.meta().owner_references.iter().any(|o| o.uid == *uid && o.block_owner_deletion);
    if !world.dependents(uid).any(blocks) {
        return vec![without_finalizer(owner, FOREGROUND)];
    }
    let present = world.dependents(uid).filter(|entry| !entry.is_deleting() && !has_other_owner(world, entry, uid));
    present.take(BATCH).map(delete).collect()
}

/// Whether somebody else owns it who is there to stay. Then it stays too, and its reference must not block.
fn has_other_owner(world: &World, entry: &Entry, uid: &str) -> bool {
    let others = entry.meta().owner_references.iter().filter(|owner| owner.uid != uid);
    others.into_iter().any(|owner| world.by_uid(&owner.uid).is_some_and(|owner| !owner.is_deleting()))
}

fn delete(entry: &Entry) -> Action {
    let target = entry.anyhow();
    Action::Delete { target, grace_seconds: None, propagation: Some(Propagation::Foreground) }
}

fn without_finalizer(owner: &Entry, finalizer: &str) -> Action {
    let left: Vec<&String> = owner.meta().finalizers.iter().filter(|name| *name != finalizer).collect();
    let left = if left.is_empty() { json!(null) } else { json!(left) };
    Action::Patch { target: owner.exactly(), status: false, patch: json!({"metadata": {"finalizers": left}}) }
}
