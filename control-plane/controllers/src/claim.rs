//! Which objects belong to a workload: those its controller reference names, and the orphans its selector matches.
//!
//! An orphan that matches is adopted (a controller reference is added), one of ours that no longer matches is released
//! (the reference is removed). Both carry the object's revision, so two workloads that want the same orphan cannot both
//! get it. Nothing is adopted by a workload that is being deleted, and nothing that is being deleted is adopted.

use serde_json::{Value, json};
use xebec_api::selectors::LabelSelector;

use crate::action::Action;
use crate::resource::Resource;
use crate::world::{Entry, World};

/// What belongs to a workload now, and the changes that settle it.
pub(crate) struct Claimed<'a> {
    /// Ours, the adopted included.
    pub(crate) owned: Vec<&'a Entry>,
    /// Adoptions and releases.
    pub(crate) actions: Vec<Action>,
}

/// Settles which objects of a resource belong to `owner`.
pub(crate) fn claim<'a>(world: &'a World, owner: &Entry, selector: &LabelSelector, resource: Resource) -> Claimed<'a> {
    let mut claimed = Claimed { owned: Vec::new(), actions: Vec::new() };
    for entry in controlled(world, owner, resource) {
        if selector.matches(&entry.meta().labels) {
            claimed.owned.push(entry);
        } else if !owner.is_deleting() && !entry.is_deleting() {
            claimed.actions.push(release(entry, owner));
        }
    }
    if owner.is_deleting() {
        return claimed;
    }
    for entry in world.orphans(resource, &owner.reference.namespace) {
        if !entry.is_deleting() && is_live(entry) && selector.matches(&entry.meta().labels) {
            claimed.actions.push(adopt(entry, owner));
            claimed.owned.push(entry);
        }
    }
    claimed
}

/// The objects of a resource that `owner` controls.
pub(crate) fn controlled<'a>(world: &'a World, owner: &Entry, resource: Resource) -> impl Iterator<Item = &'a Entry> {
    let uid = owner.meta().uid.clone();
    world
        .dependents(&owner.meta().uid)
        .filter(move |entry| entry.reference.resource == resource && entry.controller_uid() == Some(&uid))
}

/// A finished pod is nobody's replica, so it stays as it is.
fn is_live(entry: &Entry) -> bool {
    entry.facts.pod().is_none_or(|pod| !pod.phase.is_final())
}

/// The controller reference to `owner`.
pub(crate) fn owner_reference(owner: &Entry) -> Value {
    let meta = owner.meta();
    json!({
        "apiVersion": meta.api_version, "kind": meta.kind, "name": meta.name, "uid": meta.uid,
        "controller": true, "blockOwnerDeletion": true,
    })
}

fn adopt(entry: &Entry, owner: &Entry) -> Action {
    let mut owners = owner_references(entry);
    owners.push(owner_reference(owner));
    set_owners(entry, owners)
}

fn release(entry: &Entry, owner: &Entry) -> Action {
    without_owner(entry, &owner.meta().uid)
}

/// Removes one owner's reference.
pub(crate) fn without_owner(entry: &Entry, uid: &str) -> Action {
    let mut owners = owner_references(entry);
    owners.retain(|reference| reference["uid"] != uid);
    set_owners(entry, owners)
}

fn owner_references(entry: &Entry) -> Vec<Value> {
    let value = entry.object.to_value();
    value.pointer("/metadata/ownerReferences").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn set_owners(entry: &Entry, owners: Vec<Value>) -> Action {
    let owners = if owners.is_empty() { Value::Null } else { Value::Array(owners) };
    Action::Patch { target: entry.exactly(), status: false, patch: json!({"metadata": {"ownerReferences": owners}}) }
}
