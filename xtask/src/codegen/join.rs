//! Joins what the types look like in JSON with what they look like in protobuf, by names without case.
//!
//! Some Go structures hold another one inline: flat in JSON, a message of its own in protobuf. Its fields get a path of two tags.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use super::definitions::{Definition, FieldDefinition};
use super::messages::{Marker, Message, MessageField, fold};
use super::supplement::{Fact, Supplement};

/// A row of the table for a type.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) flags: Vec<String>,
    pub(super) description: String,
    pub(super) fields: Vec<FieldRow>,
}

/// A row of the table for a field.
pub(super) struct FieldRow {
    pub(super) name: String,
    pub(super) of: String,
    /// `-` where protobuf has no such field, `2` or `2.5`.
    pub(super) tag: String,
    pub(super) flags: Vec<String>,
    pub(super) description: String,
}

/// Both sources and the supplement.
pub(super) struct Join<'a> {
    pub(super) definitions: &'a BTreeMap<String, Definition>,
    pub(super) messages: &'a BTreeMap<String, Message>,
    pub(super) supplement: Supplement,
}

/// Where a field is in protobuf.
struct Place<'a> {
    path: String,
    field: &'a MessageField,
}

impl<'a> Join<'a> {
    /// The rows of all types that a kind can hold, and of the options of requests.
    pub(super) fn rows(&mut self) -> Result<Vec<Row>> {
        let names = reachable(self.definitions);
        let rows: Vec<Row> = names.iter().map(|name| self.row(name)).collect::<Result<_>>()?;
        self.supplement.finish()?;
        Ok(rows)
    }

    fn row(&mut self, name: &str) -> Result<Row> {
        let definitions = self.definitions;
        let definition = &definitions[name];
        let message = self.message(name);
        let mut flags: Vec<String> = definition.kind.iter().map(|kind| format!("kind={kind}")).collect();
        if message.is_some_and(|message| has(&message.markers, "structType", "atomic")) {
            flags.push("atomic".into());
        }
        let places = message.map(|message| self.places(name, definition, message)).unwrap_or_default();
        let mut fields = Vec::new();
        for (field, of) in &definition.fields {
            fields.push(self.field(&format!("{name}.{field}"), field, of, places.get(&fold(field)))?);
        }
        Ok(Row { name: name.to_owned(), flags, description: definition.description.clone(), fields })
    }

    fn message(&self, name: &str) -> Option<&'a Message> {
        self.messages.get(&fold(name))
    }

    /// Where the fields of a definition are in its message, and in the messages that it holds inline.
    fn places(&self, name: &str, definition: &Definition, message: &'a Message) -> BTreeMap<String, Place<'a>> {
        let wanted: BTreeSet<String> = definition.fields.keys().map(|field| fold(field)).collect();
        let package = name.rsplit_once('.').map_or("", |(package, _)| package);
        let mut places = BTreeMap::new();
        let mut open = vec![(String::new(), message)];
        while let Some((path, message)) = open.pop() {
            let at = |field: &MessageField| format!("{path}{}", field.tag);
            let (here, inline) = message.fields.iter().partition::<Vec<_>, _>(|field| wanted.contains(&field.name));
            for field in here {
                places.entry(field.name.clone()).or_insert(Place { path: at(field), field });
            }
            for field in inline {
                let inner = field.single_message.as_ref().map(|inner| format!("{package}.{inner}"));
                let inner = inner.and_then(|inner| self.messages.get(&inner));
                open.extend(inner.map(|inner| (format!("{}.", at(field)), inner)));
            }
        }
        places
    }

    fn field(&mut self, target: &str, name: &str, of: &FieldDefinition, place: Option<&Place<'_>>) -> Result<FieldRow> {
        let from_markers = place.map_or(&[][..], |place| place.field.markers.as_slice());
        let tag = self.supplement.take(Fact::Tag, target).or_else(|| place.map(|place| place.path.clone()));
        let tag = match tag {
            Some(tag) => tag,
            None if matches!(name, "apiVersion" | "kind") => "-".to_owned(),
            None => bail!("{target} has no protobuf tag: name it in supplement.tsv"),
        };
        let mut flags = Vec::new();
        if of.required {
            flags.push("required".to_owned());
        }
        flags.extend(self.zero(target, of).then(|| "zero".to_owned()));
        let wrapped = of.of.starts_with("[]") && place.is_some_and(|place| place.field.single_message.is_some());
        flags.extend(wrapped.then(|| "wrapped".to_owned()));
        flags.extend(self.supplement.take(Fact::List, target).or_else(|| list(of, from_markers)));
        flags.extend(self.supplement.take(Fact::Merge, target).or_else(|| merge(from_markers)));
        let default = self.supplement.take(Fact::Default, target).or_else(|| default(from_markers));
        flags.extend(default.filter(|value| value != "\"\"").map(|value| format!("default={value}")));
        Ok(FieldRow {
            name: name.to_owned(),
            of: of.of.clone(),
            tag,
            flags: flags.into_iter().filter(|flag| !flag.is_empty()).collect(),
            description: of.description.clone(),
        })
    }

    /// Whether the zero value on the wire says that the field is not set.
    fn zero(&mut self, target: &str, of: &FieldDefinition) -> bool {
        let pointer = self.supplement.take(Fact::Pointer, target).is_some();
        let plain = self.supplement.take(Fact::Plain, target).is_some();
        match of.of.as_str() {
            _ if of.required => false,
            "string" | "bytes" => !pointer,
            _ => plain,
        }
    }
}

/// The types that kinds hold, directly or not, and those that requests carry.
fn reachable(definitions: &BTreeMap<String, Definition>) -> BTreeSet<String> {
    const OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
    let is_root = |name: &&String| definitions[*name].kind.is_some() || *name == OPTIONS;
    let mut open: Vec<&String> = definitions.keys().filter(is_root).collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let held = definitions[name].fields.values().flat_map(|field| field.of.split(['|', ']', '}']));
        open.extend(held.filter_map(|part| definitions.get_key_value(part)).map(|(name, _)| name));
    }
    seen
}

fn value<'a>(markers: &'a [Marker], name: &str) -> Option<&'a str> {
    markers.iter().find(|marker| marker.name == name).map(|marker| marker.value.as_str())
}

fn has(markers: &[Marker], name: &str, wanted: &str) -> bool {
    value(markers, name).is_some_and(|value| value.split(',').any(|part| part == wanted))
}

/// How server-side apply treats a list, map or structure.
fn list(of: &FieldDefinition, markers: &[Marker]) -> Option<String> {
    let keys = || {
        let keys =
            markers.iter().filter(|marker| marker.name == "listMapKey").map(|marker| marker.value.trim_matches('"'));
        let keys: BTreeSet<&str> = keys.collect();
        format!("map={}", keys.into_iter().collect::<Vec<_>>().join(","))
    };
    match value(markers, "listType") {
        Some("map") => Some(keys()),
        Some("set") => Some("set".into()),
        _ if of.of.starts_with("[]") => None,
        _ => (has(markers, "mapType", "atomic") || has(markers, "structType", "atomic")).then(|| "atomic".into()),
    }
}

/// How strategic merge patches treat a field.
fn merge(markers: &[Marker]) -> Option<String> {
    let mut flags = Vec::new();
    if has(markers, "patchStrategy", "merge") {
        flags.push(value(markers, "patchMergeKey").map_or("merge".into(), |key| format!("merge={key}")));
    }
    if has(markers, "patchStrategy", "retainKeys") {
        flags.push("retain".into());
    }
    Some(flags.join(" "))
}

fn default(markers: &[Marker]) -> Option<String> {
    value(markers, "default").map(str::to_owned)
}
