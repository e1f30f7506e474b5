//! Event: something that happened to an object, told to people.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::kinds::{Kind, Strategy};
use crate::table::{Column, age};
use crate::value::{number, text};

/// What happened longer ago interests nobody, and would fill the store.
const TIME_TO_LIVE: Option<Duration> = Some(Duration::from_secs(3600));

/// Event.
pub static EVENT: Kind = Kind {
    kind: "Event",
    plural: "events",
    singular: "event",
    short_names: &["ev"],
    columns: &[
        Column::text("Last Seen", "When it happened last.", last_seen),
        Column::text("Type", "Normal or Warning.", |o, _| plain(o, "/type")),
        Column::text("Reason", "What happened, in a word.", |o, _| plain(o, "/reason")),
        Column::text("Object", "To which object.", involved),
        Column::text("Subobject", "To which part of it.", |o, _| plain(o, "/involvedObject/fieldPath")).wide(),
        Column::text("Source", "Who says so.", source).wide(),
        Column::text("Message", "What happened, in a sentence.", |o, _| {
            json!(text(o, "/message").unwrap_or_default().trim())
        }),
        Column::text("First Seen", "When it happened first.", first_seen).wide(),
        Column::number("Count", "How often it happened.", |o, _| json!(count(o))).wide(),
        Column::NAME.wide(),
    ],
    time_to_live: TIME_TO_LIVE,
    selectable,
    strategy: &EventStrategy,
    ..Kind::BASE
};

fn plain(event: &Value, pointer: &str) -> Value {
    json!(text(event, pointer).unwrap_or_default())
}

fn selectable(event: &Value) -> Vec<(&'static str, String)> {
    const FIELDS: [(&str, &str); 11] = [
        ("involvedObject.kind", "/involvedObject/kind"),
        ("involvedObject.namespace", "/involvedObject/namespace"),
        ("involvedObject.name", "/involvedObject/name"),
        ("involvedObject.uid", "/involvedObject/uid"),
        ("involvedObject.apiVersion", "/involvedObject/apiVersion"),
        ("involvedObject.resourceVersion", "/involvedObject/resourceVersion"),
        ("involvedObject.fieldPath", "/involvedObject/fieldPath"),
        ("reason", "/reason"),
        ("reportingComponent", "/reportingComponent"),
        ("type", "/type"),
        ("source", "/source/component"),
    ];
    FIELDS.iter().map(|(name, at)| (*name, text(event, at).unwrap_or_default().to_owned())).collect()
}

fn count(event: &Value) -> i64 {
    number(event, "/series/count").or_else(|| number(event, "/count")).unwrap_or(1).max(1)
}

fn first_time(event: &Value) -> Option<&str> {
    text(event, "/firstTimestamp").or_else(|| text(event, "/eventTime"))
}

fn first_seen(event: &Value, now: Timestamp) -> Value {
    json!(age::since(first_time(event), now))
}

fn last_seen(event: &Value, now: Timestamp) -> Value {
    let last = text(event, "/series/lastObservedTime").or_else(|| text(event, "/lastTimestamp"));
    let last = age::since(last.or_else(|| first_time(event)), now);
    if count(event) > 1 {
        return json!(format!("{last} (x{} over {})", count(event), age::since(first_time(event), now)));
    }
    json!(last)
}

fn involved(event: &Value, _: Timestamp) -> Value {
    let kind = text(event, "/involvedObject/kind").unwrap_or_default().to_ascii_lowercase();
    json!(format!("{kind}/{}", text(event, "/involvedObject/name").unwrap_or_default()))
}

fn source(event: &Value, _: Timestamp) -> Value {
    let component = text(event, "/source/component").or_else(|| text(event, "/reportingComponent")).unwrap_or_default();
    match text(event, "/source/host") {
        Some(host) => json!(format!("{component}, {host}")),
        None => json!(component),
    }
}

/// An event lives in the namespace of the object it is about; what is cluster-wide has its events in `default`.
struct EventStrategy;

impl Strategy for EventStrategy {
    fn validate(&self, event: &Value) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let path = FieldPath::new("involvedObject.namespace");
        let own = text(event, "/metadata/namespace").unwrap_or_default();
        let fits = match text(event, "/involvedObject/namespace") {
            Some(involved) => involved == own,
            None => matches!(own, "default" | "kube-system"),
        };
        errors.require(fits, || {
            let involved = text(event, "/involvedObject/namespace").unwrap_or_default();
            FieldError::invalid(&path, involved, "does not match event.namespace")
        });
        errors
    }
}
