//! Cells that several kinds share.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age;
use crate::selectors::LabelSelector;
use crate::value::{entries, list, number, text};

/// `metadata.name`.
pub fn name(object: &Value, _: Timestamp) -> Value {
    json!(text(object, "/metadata/name").unwrap_or_default())
}

/// The time since `metadata.creationTimestamp`.
pub fn age(object: &Value, now: Timestamp) -> Value {
    json!(age::since(text(object, "/metadata/creationTimestamp"), now))
}

/// `metadata.creationTimestamp`.
pub fn created_at(object: &Value, _: Timestamp) -> Value {
    json!(text(object, "/metadata/creationTimestamp").unwrap_or_default())
}

/// A value as a column of that type shows it; of a date, how long ago it was. What is of another type is left out.
pub fn typed(data_type: &str, value: &Value, now: Timestamp) -> Value {
    match (data_type, value) {
        ("date", Value::String(time)) => json!(age::since(Some(time), now)),
        ("string", Value::String(_)) | ("boolean", Value::Bool(_)) => value.clone(),
        ("integer" | "number", Value::Number(_)) => value.clone(),
        ("string", other) => json!(other.to_string()),
        _ => Value::Null,
    }
}

/// A number, zero when it is not there.
pub fn count(object: &Value, pointer: &str) -> Value {
    json!(number(object, pointer).unwrap_or(0))
}

/// A text, `<none>` when it is not there.
pub fn or_none(object: &Value, pointer: &str) -> Value {
    json!(text(object, pointer).unwrap_or("<none>"))
}

/// Texts joined by commas, `<none>` when there are none.
pub fn join<'a>(texts: impl Iterator<Item = &'a str>) -> Value {
    let texts: Vec<&str> = texts.collect();
    if texts.is_empty() { json!("<none>") } else { json!(texts.join(",")) }
}

/// The names of the containers of a pod template.
pub fn template_containers(object: &Value, _: Timestamp) -> Value {
    join(list(object, "/spec/template/spec/containers").iter().filter_map(|c| text(c, "/name")))
}

/// The images of the containers of a pod template.
pub fn template_images(object: &Value, _: Timestamp) -> Value {
    join(list(object, "/spec/template/spec/containers").iter().filter_map(|c| text(c, "/image")))
}

/// The `spec.selector` of a controller, as text.
pub fn selector(object: &Value, _: Timestamp) -> Value {
    selector_at(object, "/spec/selector")
}

/// A map of labels as `a=b,c=d`.
pub fn map(object: &Value, pointer: &str) -> Value {
    let pairs: Vec<String> =
        entries(object, pointer).map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    join(pairs.iter().map(String::as_str))
}

/// The role of a binding, as `ClusterRole/view`.
pub fn role_ref(binding: &Value, _: Timestamp) -> Value {
    let part = |pointer| text(binding, pointer).unwrap_or_default();
    json!(format!("{}/{}", part("/roleRef/kind"), part("/roleRef/name")))
}

/// The subjects of a binding that are of that kind.
pub fn subjects(binding: &Value, kind: &str) -> Value {
    let name = |s: &Value| {
        let name = text(s, "/name").unwrap_or_default();
        text(s, "/namespace").map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
    };
    let names: Vec<String> =
        list(binding, "/subjects").iter().filter(|s| text(s, "/kind") == Some(kind)).map(name).collect();
    json!(names.join(", "))
}

/// A text, empty when it is not there.
pub fn plain(object: &Value, pointer: &str) -> Value {
    json!(text(object, pointer).unwrap_or_default())
}

/// A text, `<unset>` when it is not there.
pub fn or_unset(object: &Value, pointer: &str) -> Value {
    json!(text(object, pointer).unwrap_or("<unset>"))
}

/// A number or a text as it is, and `missing` when it is not there.
pub fn scalar(object: &Value, pointer: &str, missing: &str) -> Value {
    match object.pointer(pointer) {
        Some(Value::String(text)) if !text.is_empty() => json!(text),
        Some(Value::Number(number)) => json!(number.to_string()),
        _ => json!(missing),
    }
}

/// Yes or no; no when it is not there.
pub fn flag(object: &Value, pointer: &str) -> Value {
    json!(object.pointer(pointer) == Some(&Value::Bool(true)))
}

/// How many items a list has.
pub fn length(object: &Value, pointer: &str) -> Value {
    json!(list(object, pointer).len())
}

/// The texts of a list, joined by commas.
pub fn texts(object: &Value, pointer: &str) -> Value {
    join(list(object, pointer).iter().filter_map(Value::as_str))
}

/// A label selector as text; `<none>` for one that selects everything or nothing.
pub fn selector_at(object: &Value, pointer: &str) -> Value {
    let selector = object.pointer(pointer).and_then(|s| LabelSelector::from_json(s).ok());
    match selector.map(|s| s.to_string()).filter(|s| !s.is_empty()) {
        Some(text) => json!(text),
        None => json!("<none>"),
    }
}

/// The first three between commas, and how many more there are; `<none>` for none.
pub fn first_three(texts: &[String]) -> Value {
    const SHOWN: usize = 3;
    match texts.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        Some(more) => json!(format!("{} + {more} more...", texts[..SHOWN].join(","))),
        None if texts.is_empty() => json!("<none>"),
        None => json!(texts.join(",")),
    }
}
