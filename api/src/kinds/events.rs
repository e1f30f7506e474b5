//! Event in its own group: the same events as those of the core group, in newer words.

use serde_json::{Map, Value};

use super::{EVENT, KeptAs, Kind};
use crate::value::text;

/// Event of `events.k8s.io`.
pub static EVENT_V1: Kind = Kind {
    group: "events.k8s.io",
    kind: "Event",
    plural: "events",
    singular: "event",
    short_names: &["ev"],
    selectable,
    kept_as: Some(&KeptAs { kind: &EVENT, read, write }),
    ..Kind::BASE
};

fn selectable(stored: &Value) -> Vec<(&'static str, String)> {
    const FIELDS: [(&str, &str); 10] = [
        ("regarding.kind", "/involvedObject/kind"),
        ("regarding.namespace", "/involvedObject/namespace"),
        ("regarding.name", "/involvedObject/name"),
        ("regarding.uid", "/involvedObject/uid"),
        ("regarding.apiVersion", "/involvedObject/apiVersion"),
        ("regarding.resourceVersion", "/involvedObject/resourceVersion"),
        ("regarding.fieldPath", "/involvedObject/fieldPath"),
        ("reason", "/reason"),
        ("reportingController", "/reportingComponent"),
        ("type", "/type"),
    ];
    FIELDS.iter().map(|(name, at)| (*name, text(stored, at).unwrap_or_default().to_owned())).collect()
}

/// What is called what: in the core group, and here.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

fn read(event: &mut Value) {
    NAMES.iter().for_each(|(core, here)| rename(event, core, here));
}

fn write(event: &mut Value) {
    NAMES.iter().for_each(|(core, here)| rename(event, here, core));
    if let Some(map) = event.as_object_mut() {
        map.entry("involvedObject").or_insert_with(|| Map::new().into());
    }
}

fn rename(event: &mut Value, from: &str, to: &str) {
    let Some(map) = event.as_object_mut() else { return };
    if let Some(value) = map.remove(from) {
        map.insert(to.to_owned(), value);
    }
}
