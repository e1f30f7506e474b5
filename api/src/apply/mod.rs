//! Server-side apply: who owns which field of an object, and what it takes to change it.
//!
//! Every write of an object notes who wrote which fields, in `metadata.managedFields` ([`track`]). An applier says all that it
//! wants of an object ([`apply`]): what it says is set, what it said before and says no more is removed unless somebody else owns
//! it, and what others own is only changed if it forces that. Ownership goes down to the leaves, as the schema says what a leaf is:
//!
//! ```text
//!  value + schema ──▶ Place (how is this owned?) ──▶ owned    what a configuration owns
//!                                                ├─▶ compare  what a write changed
//!                                                ├─▶ merge    a configuration over the object
//!                                                └─▶ prune    what is applied no more
//!        PathSet ◀──▶ fieldsV1                       ManagedFields ◀──▶ metadata.managedFields
//! ```
//!
//! The walks recurse as deep as the value, which its decoder has bounded. They need a schema only, so runtime schemas are no
//! other case.

mod compare;
mod conflict;
mod element;
mod last_applied;
mod list;
mod managers;
mod merge;
mod owned;
mod path_set;
mod place;
mod prune;
mod system;

use serde_json::Value;

pub use compare::{Difference, compare};
pub use conflict::Conflict;
pub use element::{Element, display};
pub use last_applied::LAST_APPLIED;
pub use managers::{
    ANCIENT_CHANGES, Entry, MAX_MANAGER, MAX_UPDATE_MANAGERS, ManagedFields, Manager, Operation, manager_fault,
};
pub use merge::merge;
pub use owned::{Malformed, owned};
pub use path_set::{Node, PathSet};
pub use place::Place;
pub use prune::prune;

use crate::field::FieldErrors;
use crate::kinds::{Kind, Subresource};
use crate::status::Status;
use crate::value;

/// Who writes, through what, and when.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The manager's name.
    pub manager: &'a str,
    /// The subresource, if it is not the object itself.
    pub subresource: Option<Subresource>,
    /// The time, RFC 3339.
    pub now: &'a str,
}

impl Writer<'_> {
    fn identity(&self, kind: &Kind, operation: Operation) -> Manager {
        Manager {
            name: self.manager.to_owned(),
            operation,
            api_version: kind.api_version(),
            subresource: self.subresource.map_or("", Subresource::as_str).to_owned(),
        }
    }
}

/// Takes `metadata.managedFields` out of an object.
pub fn take_managed_fields(object: &mut Value) -> Option<Value> {
    object.get_mut("metadata")?.as_object_mut()?.remove("managedFields")
}

/// Who owns what after a write that is no apply: whoever changes a field owns it, alone.
///
/// `new` carries what the client says of ownership, if anything: clients may edit `managedFields`, and an empty list, or one empty
/// entry, makes all forgotten. `new` gets the result. Errors name what is wrong with what the client says.
pub fn track(kind: &Kind, old: Option<&Value>, new: &mut Value, writer: &Writer<'_>) -> Result<(), FieldErrors> {
    let stated = take_managed_fields(new);
    let present = old.and_then(|old| old.pointer("/metadata/managedFields"));
    let mut managed = stated_or_present(stated.as_ref(), present)?;
    let nothing = Value::Object(value::Object::new());
    let change = compare(Place::of_kind(kind), old.unwrap_or(&nothing), new);
    let taken = change.taken.difference(system::unowned());
    managed.take(&change.taken, None);
    managed.take(&change.removed, None);
    if !taken.is_empty() {
        let manager = writer.identity(kind, Operation::Update);
        let mut fields = managed.of(&manager).cloned().unwrap_or_default();
        fields.union(taken);
        managed.set(Entry { manager, time: Some(writer.now.to_owned()), fields });
        managed.cap();
    }
    put_managed_fields(new, &managed);
    Ok(())
}

fn stated_or_present(stated: Option<&Value>, present: Option<&Value>) -> Result<ManagedFields, FieldErrors> {
    match stated {
        Some(list) if managers::is_reset(list) => Ok(ManagedFields::default()),
        Some(list) if stated != present => {
            let managed = ManagedFields::decode(Some(list))?;
            Ok(if managed.entries().is_empty() { readable(present) } else { managed })
        }
        // Clients that do not know of ownership do not delete it by accident.
        _ => Ok(readable(present)),
    }
}

/// What is stored was read once, or nobody could have stored it.
fn readable(present: Option<&Value>) -> ManagedFields {
    ManagedFields::decode(present).unwrap_or_default()
}

fn put_managed_fields(object: &mut Value, managed: &ManagedFields) {
    let Some(metadata) = value::child(object, "metadata").and_then(Value::as_object_mut) else { return };
    match managed.entries().is_empty() {
        true => drop(metadata.remove("managedFields")),
        false => drop(metadata.insert("managedFields".to_owned(), managed.encode())),
    }
}

/// Applies a configuration to an object; to an empty one if there is none yet. The result carries who owns what. It is not
/// trusted otherwise: the registry checks, defaults and validates it.
///
/// Without `force` a change of what others own is refused, with a cause for each field.
pub fn apply(kind: &Kind, live: &Value, config: &Value, writer: &Writer<'_>, force: bool) -> Result<Value, Status> {
    let place = Place::of_kind(kind);
    let (mut live, mut config) = (live.clone(), config.clone());
    system::reset(kind, writer.subresource, &mut config);
    let present = take_managed_fields(&mut live);
    let mut managed = readable(present.as_ref());
    let before = managed.clone();
    let applier = writer.identity(kind, Operation::Apply);
    let set = owned(place, &config).map_err(|why| untyped(kind, &config, &why))?;

    let last = managed.of(&applier).cloned().unwrap_or_default();
    let time = managed.entries().iter().find(|entry| entry.manager.is(&applier)).and_then(|entry| entry.time.clone());
    let fields = set.difference(system::unowned());
    managed.set(Entry { manager: applier.clone(), time, fields });
    let mut kept = managed.all();
    kept.union(set);
    let mut object = prune(place, merge(place, &live, &config), &last, &kept);

    let change = compare(place, &live, &object);
    if !force {
        let conflicts = conflict::conflicts(&managed, &applier, &change.taken);
        let conflicts = last_applied::without_own(place, &live, writer.manager, conflicts);
        if !conflicts.is_empty() {
            return Err(conflict::refusal(&conflicts));
        }
    }
    managed.take(&change.taken, Some(&applier));
    managed.take(&change.removed, Some(&applier));
    value::drop_nulls(&mut object);
    last_applied::follow(&mut object, writer.manager, &config);
    if object != live || !managed.is_same(&before) {
        stamp(&mut managed, &applier, writer.now);
    }
    put_managed_fields(&mut object, &managed);
    Ok(object)
}

fn stamp(managed: &mut ManagedFields, applier: &Manager, now: &str) {
    for entry in managed.0.iter_mut().filter(|entry| entry.manager.is(applier)) {
        entry.time = Some(now.to_owned());
    }
}

/// The refusal of a configuration that cannot be read as one of its kind.
pub fn untyped(kind: &Kind, config: &Value, why: &dyn std::fmt::Display) -> Status {
    let text = |pointer: &str| value::text(config, pointer).unwrap_or_default();
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    let subject = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
    let kind = format!("{}, Kind={}", kind.api_version(), kind.kind);
    Status::bad_request(format!("failed to create typed patch object ({subject}; {kind}): {why}"))
}
