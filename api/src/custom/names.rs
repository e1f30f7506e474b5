//! Which of a definition's names are its own, and whether its kind is served: the status of a definition.

use serde_json::{Value, json};

use crate::conditions::{self, Condition};
use crate::kinds::{Catalogue, Kind};
use crate::value::{list, text};

/// Writes the status of a definition: the names that are its own, the conditions `NamesAccepted` and
/// `Established`, and the versions of which there may be objects. `now` is RFC 3339.
///
/// A kind once established stays so, as its objects may exist.
pub fn establish(definition: &mut Value, catalogue: &Catalogue, now: &str) {
    let taken = taken(definition, catalogue);
    let established = conditions::is_true(definition, "Established");
    let accepted = match &taken {
        Some(why) => condition("NamesAccepted", false, "NamesConflict", why),
        None => condition("NamesAccepted", true, "NoConflicts", "no conflicts found"),
    };
    conditions::set(definition, accepted, now);
    if taken.is_none() {
        definition["status"]["acceptedNames"] = definition["spec"]["names"].clone();
        let serves = condition("Established", true, "InitialNamesAccepted", "the initial names have been accepted");
        conditions::set(definition, serves, now);
    } else if !established {
        conditions::set(definition, condition("Established", false, "NotAccepted", "not all names are accepted"), now);
    }
    stored_versions(definition);
}

/// Notes that the definition is being deleted, and its objects with it. `now` is RFC 3339.
pub fn terminate(definition: &mut Value, now: &str) {
    let why = "CustomResource deletion is in progress";
    conditions::set(definition, condition("Terminating", true, "InstanceDeletionInProgress", why), now);
}

fn condition<'a>(condition_type: &'a str, holds: bool, reason: &'a str, message: &'a str) -> Condition<'a> {
    Condition { condition_type, status: if holds { "True" } else { "False" }, reason, message }
}

fn stored_versions(definition: &mut Value) {
    let storage = list(definition, "/spec/versions").iter().find(|version| version["storage"] == true);
    let Some(storage) = storage.and_then(|version| version.get("name")).cloned() else { return };
    let mut stored = list(definition, "/status/storedVersions").to_vec();
    if !stored.contains(&storage) {
        stored.push(storage);
    }
    definition["status"]["storedVersions"] = json!(stored);
}

/// The first name that another kind of the group has, in a sentence.
fn taken(definition: &Value, catalogue: &Catalogue) -> Option<String> {
    let names = definition.pointer("/spec/names")?;
    let (group, plural) = (text(definition, "/spec/group")?, text(names, "/plural")?);
    let others: Vec<&Kind> =
        catalogue.stored_custom().filter(|kind| kind.group == group && kind.plural != plural).collect();
    let resources = ["/singular", "/plural"].iter().filter_map(|pointer| text(names, pointer));
    let resources = resources.chain(list(names, "/shortNames").iter().filter_map(Value::as_str));
    let kinds = ["/kind", "/listKind"].iter().filter_map(|pointer| text(names, pointer));
    let called = |name: &&str| others.iter().any(|kind| kind.is_called(name));
    let is_kind = |name: &&str| others.iter().any(|kind| kind.kind == *name || kind.list_kind() == **name);
    let conflict = resources.filter(called).chain(kinds.filter(is_kind)).next();
    conflict.map(|name| format!("\"{name}\" is already in use"))
}
