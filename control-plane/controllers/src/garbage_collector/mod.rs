//! Follows owner references: what has lost all its owners goes; an owner that waits for its dependents, or wants to
//! leave them behind, is helped to.
//!
//! * Background: the owner is gone; `absent.rs` deletes its dependents.
//! * Foreground: the owner has finalizer `foregroundDeletion`; its dependents are deleted first (`waiting.rs`).
//! * Orphan: the owner has finalizer `orphan`; its dependents lose their references to it first (`waiting.rs`).
//!
//! The world is one revision of everything, so an owner that is not in it does not exist: references are made by those
//! who know the owner's uid, and so after it was created.

mod absent;
mod waiting;

use std::collections::BTreeSet;

use crate::action::Outcome;
use crate::controller::{Controller, Key};
use crate::resource::ObjectRef;
use crate::world::{Entry, Transition, World};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

pub(crate) fn interest(world: &World, change: &Transition<'_>, keys: &mut BTreeSet<Key>) {
    let mut add = |entry: &Entry| keys.insert(Key::new(Controller::GarbageCollector, entry.reference.clone()));
    if let Some(after) = change.after {
        let owners_changed = change.before.map(|b| &b.meta().owner_references) != Some(&after.meta().owner_references);
        if (owners_changed && !after.meta().owner_references.is_empty()) || waits(after) {
            add(after);
        }
    }
    let Some(before) = change.before else { return };
    let replaced = change.after.is_none_or(|after| after.meta().uid != before.meta().uid);
    if replaced {
        world.dependents(&before.meta().uid).for_each(|dependent| {
            add(dependent);
        });
    }
    for owner in &before.meta().owner_references {
        world.by_uid(&owner.uid).filter(|owner| waits(owner)).map(&mut add);
    }
}

/// Whether it is being deleted and something must become of its dependents first.
fn waits(entry: &Entry) -> bool {
    let finalizers = &entry.meta().finalizers;
    entry.is_deleting() && finalizers.iter().any(|finalizer| finalizer == FOREGROUND || finalizer == ORPHAN)
}

pub(crate) fn reconcile(world: &World, object: &ObjectRef) -> Outcome {
    let Some(entry) = world.get(object) else { return Outcome::default() };
    let actions = if waits(entry) { waiting::help(world, entry) } else { absent::collect(world, entry) };
    Outcome::of(actions)
}
