//! From JSON to the values that the types of a schema promise.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map as Fields, Value as Json};

use super::declare::Root;
use super::escape;
use crate::cel::{Key, Map, Value};
use crate::custom::structural::{Structural, Type};

/// The value that rules see. Fields that the schema does not have cannot be seen.
pub(super) fn convert(schema: &Structural, json: &Json, root: Root) -> Value {
    match json {
        Json::Object(_) if schema.int_or_string || schema.of.is_none() => Value::from(json),
        Json::Object(fields) => object(schema, fields, root),
        Json::Array(items) => match schema.items.as_deref() {
            Some(item) => Value::list(items.iter().map(|json| convert(item, json, Root::Part))),
            None => Value::from(json),
        },
        Json::Number(number) if schema.of == Some(Type::Number) => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
        Json::Number(_) if schema.of == Some(Type::Integer) => integer(json),
        Json::String(text) => from_text(schema, text),
        other => Value::from(other),
    }
}

/// A whole number may be written with a fraction of zero.
#[allow(clippy::cast_possible_truncation)] // beyond the range the cast saturates
fn integer(json: &Json) -> Value {
    match (json.as_i64(), json.as_f64()) {
        (None, Some(number)) => Value::Int(number as i64),
        _ => Value::from(json),
    }
}

fn from_text(schema: &Structural, text: &str) -> Value {
    let read = match schema.rules.format.as_deref() {
        Some("byte") => STANDARD.decode(text).ok().map(|bytes| Value::Bytes(bytes.into())),
        Some("duration") => xebec_cel::parse_duration(text).map(Value::Duration),
        Some("date") => midnight(text),
        Some("date-time" | "datetime") => text.parse().ok().map(Value::Timestamp),
        _ => None,
    };
    read.unwrap_or_else(|| Value::text(text))
}

fn midnight(text: &str) -> Option<Value> {
    let date: jiff::civil::Date = text.parse().ok()?;
    Some(Value::Timestamp(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()))
}

fn object(schema: &Structural, fields: &Fields<String, Json>, root: Root) -> Value {
    if let Some(values) = &schema.additional {
        return Value::map(fields.iter().map(|(name, json)| (name.as_str(), convert(values, json, Root::Part))));
    }
    let mut entries = Map::new();
    let mut insert = |name: &str, value: Value| entries.insert(Key::String(name.into()), value);
    for (name, json) in fields {
        let Some(field) = schema.properties.get(name) else { continue };
        if let Some(name) = escape(name) {
            insert(&name, convert(field, json, Root::Part));
        }
    }
    if root == Root::Object || schema.embedded {
        for name in ["apiVersion", "kind"] {
            fields.get(name).map(|json| insert(name, Value::from(json)));
        }
        let metadata = fields.get("metadata").unwrap_or(&Json::Null);
        let names =
            ["name", "generateName"].into_iter().filter_map(|name| Some((name, Value::from(metadata.get(name)?))));
        insert("metadata", Value::map(names));
    }
    Value::Map(Arc::new(entries))
}
