//! An object whose owners are gone.

use xebec_api::meta::OwnerRef;

use super::FOREGROUND;
use crate::action::{Action, Propagation};
use crate::claim::without_owner;
use crate::resource::Resource;
use crate::world::{Entry, World};

/// Deletes the object if none of its owners is left; takes off one reference to an owner that is gone otherwise.
pub(super) fn collect(world: &World, entry: &Entry) -> Vec<Action> {
    let owners = &entry.meta().owner_references;
    if owners.is_empty() || entry.is_deleting() {
        return Vec::new();
    }
    let (gone, left): (Vec<&OwnerRef>, Vec<&OwnerRef>) = owners.iter().partition(|owner| is_gone(world, entry, owner));
    match (gone.first(), left.is_empty()) {
        (None, _) => Vec::new(),
        (Some(_), true) => vec![delete(entry)],
        (Some(gone), false) => vec![without_owner(entry, &gone.uid)],
    }
}

/// Whether the owner does not exist. One of a kind that we do not serve cannot be judged, so it counts as there; nor can one
/// in a namespace, of an object outside all namespaces: the reference does not say in which. One in another namespace is
/// none: owners are cluster-wide or of the same namespace.
fn is_gone(world: &World, dependent: &Entry, owner: &OwnerRef) -> bool {
    let Some(kind) = world.catalogue().find_api_version(&owner.api_version, &owner.kind) else { return false };
    if kind.is_namespaced() && dependent.reference.namespace.is_empty() {
        return false;
    }
    let Some(found) = world.by_uid(&owner.uid) else { return true };
    let namespace = &found.reference.namespace;
    let in_reach = namespace.is_empty() || *namespace == dependent.reference.namespace;
    found.reference.resource != Resource::from(kind) || *found.reference.name != *owner.name || !in_reach
}

fn delete(entry: &Entry) -> Action {
    let foreground = entry.meta().finalizers.iter().any(|finalizer| finalizer == FOREGROUND);
    let propagation = Some(if foreground { Propagation::Foreground } else { Propagation::Background });
    Action::Delete { target: entry.exactly(), grace_seconds: None, propagation }
}
