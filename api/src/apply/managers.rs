//! `metadata.managedFields`: who owns which fields of an object.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::path_set::PathSet;
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::value;

/// Beyond so many entries of updates the oldest are merged.
pub const MAX_UPDATE_MANAGERS: usize = 10;
/// Who owns what merged entries owned.
pub const ANCIENT_CHANGES: &str = "ancient-changes";
/// The longest name of a manager, in bytes.
pub const MAX_MANAGER: usize = 128;
/// The one format of sets of fields.
const FIELDS_TYPE: &str = "FieldsV1";

/// How a manager came to own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By applying a configuration that has them.
    Apply,
    /// By changing them.
    Update,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// Who owns fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// The name the client gave itself.
    pub name: String,
    /// How.
    pub operation: Operation,
    /// The version of the API it spoke.
    pub api_version: String,
    /// Through which subresource; empty for the object itself.
    pub subresource: String,
}

impl Manager {
    /// Whether both are one. An applier is the same in every version of the API, since what it applied before must be found.
    pub fn is(&self, other: &Self) -> bool {
        let version = self.operation == Operation::Apply || self.api_version == other.api_version;
        version && self.name == other.name && self.operation == other.operation && self.subresource == other.subresource
    }
}

/// What one manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who.
    pub manager: Manager,
    /// When it last took fields or applied something else, RFC 3339.
    pub time: Option<String>,
    /// What.
    pub fields: PathSet,
}

/// Who owns what of an object; no entry is empty, and no manager has two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagedFields(pub(super) Vec<Entry>);

impl ManagedFields {
    /// The entries, in no particular order.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// What that manager owns.
    pub fn of(&self, manager: &Manager) -> Option<&PathSet> {
        self.0.iter().find(|entry| entry.manager.is(manager)).map(|entry| &entry.fields)
    }

    /// Everything that anybody owns.
    pub(super) fn all(&self) -> PathSet {
        let mut all = PathSet::default();
        self.0.iter().for_each(|entry| all.union(entry.fields.clone()));
        all
    }

    /// Replaces what the manager owns; nothing at all removes it.
    pub(super) fn set(&mut self, entry: Entry) {
        self.0.retain(|other| !other.manager.is(&entry.manager));
        if !entry.fields.is_empty() {
            self.0.push(entry);
        }
    }

    /// Takes paths from everybody but `except`.
    pub(super) fn take(&mut self, paths: &PathSet, except: Option<&Manager>) {
        if paths.is_empty() {
            return;
        }
        for entry in self.0.iter_mut().filter(|entry| except.is_none_or(|except| !entry.manager.is(except))) {
            entry.fields = entry.fields.difference(paths);
        }
        self.0.retain(|entry| !entry.fields.is_empty());
    }

    /// Merges the oldest entries of updates while there are too many.
    pub(super) fn cap(&mut self) {
        self.0.sort_by(order);
        while self.updates().count() > MAX_UPDATE_MANAGERS {
            let Some((oldest, next)) = self.oldest_of_one_version() else { return };
            let next = self.0.remove(next);
            let ancient = &mut self.0[oldest];
            ancient.fields.union(next.fields);
            ancient.time = next.time;
            ancient.manager = Manager { name: ANCIENT_CHANGES.to_owned(), subresource: String::new(), ..next.manager };
            self.0.sort_by(order);
        }
    }

    fn updates(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.0.iter().enumerate().filter(|(_, entry)| entry.manager.operation == Operation::Update)
    }

    /// The two oldest entries that can be one; entries of several versions stay apart.
    fn oldest_of_one_version(&self) -> Option<(usize, usize)> {
        self.updates().find_map(|(index, entry)| {
            let same = |other: &Entry| other.manager.api_version == entry.manager.api_version;
            // The bucket of merged entries there is once; it comes first wherever it is.
            let bucket = self.updates().find(|(_, e)| same(e) && e.manager.name == ANCIENT_CHANGES).map(|(i, _)| i);
            let first = bucket.unwrap_or(index);
            let next = self.updates().find(|(other, e)| *other != first && same(e))?.0;
            Some((first, next))
        })
    }

    /// The list in `metadata.managedFields`.
    pub fn encode(&self) -> Value {
        self.in_order().into_iter().map(encode_entry).collect()
    }

    /// Whether both are the same list.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.in_order() == other.in_order()
    }

    fn in_order(&self) -> Vec<&Entry> {
        let mut entries: Vec<&Entry> = self.0.iter().collect();
        entries.sort_by(|a, b| order(a, b));
        entries
    }

    /// Reads the list; an absent one is empty.
    pub fn decode(list: Option<&Value>) -> Result<Self, FieldErrors> {
        let (mut out, mut errors) = (Self::default(), FieldErrors::new());
        let path = FieldPath::new("metadata.managedFields");
        for (index, item) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
            match decode_entry(&path.index(index), item) {
                Ok(entry) => out.join(entry),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(out) } else { Err(errors) }
    }

    fn join(&mut self, entry: Entry) {
        match self.0.iter_mut().find(|other| other.manager.is(&entry.manager)) {
            Some(other) => other.fields.union(entry.fields),
            None => self.set(entry),
        }
    }
}

/// The order on the wire: appliers first, then by age.
fn order(a: &Entry, b: &Entry) -> Ordering {
    fn key(entry: &Entry) -> (Operation, Option<&str>, [&str; 3]) {
        let Manager { name, operation, api_version, subresource } = &entry.manager;
        (*operation, entry.time.as_deref(), [name, api_version, subresource])
    }
    key(a).cmp(&key(b))
}

fn encode_entry(entry: &Entry) -> Value {
    let mut out = json!({
        "apiVersion": entry.manager.api_version, "manager": entry.manager.name,
        "operation": entry.manager.operation.as_str(), "fieldsType": FIELDS_TYPE, "fieldsV1": entry.fields.encode(),
    });
    if !entry.manager.subresource.is_empty() {
        out["subresource"] = json!(entry.manager.subresource);
    }
    if let Some(time) = &entry.time {
        out["time"] = json!(time);
    }
    out
}

fn decode_entry(path: &FieldPath, item: &Value) -> Result<Entry, FieldError> {
    let text = |key: &str| value::text(item, &format!("/{key}")).unwrap_or_default().to_owned();
    let operation = match text("operation").as_str() {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        other => return Err(FieldError::invalid(&path.child("operation"), other, "must be `Apply` or `Update`")),
    };
    if !matches!(text("fieldsType").as_str(), "" | FIELDS_TYPE) {
        return Err(FieldError::invalid(&path.child("fieldsType"), text("fieldsType"), "must be `FieldsV1`"));
    }
    if let Some(why) = manager_fault(&text("manager")) {
        return Err(FieldError::invalid(&path.child("manager"), text("manager"), why));
    }
    let nothing = Value::Object(Map::new());
    let fields = item.get("fieldsV1").filter(|fields| !fields.is_null()).unwrap_or(&nothing);
    let fields = PathSet::decode(fields).map_err(|why| FieldError::invalid(&path.child("fieldsV1"), "", why))?;
    let manager =
        Manager { name: text("manager"), operation, api_version: text("apiVersion"), subresource: text("subresource") };
    Ok(Entry { manager, time: Some(text("time")).filter(|time| !time.is_empty()), fields })
}

/// What is wrong with the name of a manager.
pub fn manager_fault(name: &str) -> Option<String> {
    if name.len() > MAX_MANAGER {
        return Some(format!("may not be longer than {MAX_MANAGER} bytes"));
    }
    name.chars().any(char::is_control).then(|| "should only contain printable characters".to_owned())
}

/// Whether a client says that all ownership is to be forgotten: an empty list, or one with an empty entry.
pub(super) fn is_reset(list: &Value) -> bool {
    match list.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([only]) => only.as_object().is_some_and(Map::is_empty),
        _ => false,
    }
}
