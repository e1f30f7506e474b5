//! Reading and filling JSON values with the rules that Go clients expect.
//!
//! Kubernetes' types are Go structs: a string that is empty and a field that is `null` count as not set. Defaulting and
//! printing work on [`Value`] and need that rule in one place.

use serde_json::{Map, Value};

/// A JSON object.
pub type Object = Map<String, Value>;

/// The string at a JSON pointer, unless it is absent or empty.
pub fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|s| !s.is_empty())
}

/// The whole number at a JSON pointer.
pub fn number(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer).and_then(Value::as_i64)
}

/// The list at a JSON pointer; empty when there is none.
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The entries of the object at a JSON pointer; none when there is no object.
pub fn entries<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

/// Whether the value counts as not set: absent is for the caller, `null` and the empty string are decided here.
pub fn is_unset(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// The object called `key`, made if it is not there. `None` when something else is there (validation reports that).
pub fn child<'a>(parent: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    if parent.is_null() {
        *parent = Value::Object(Map::new());
    }
    let slot = parent.as_object_mut()?.entry(key).or_insert(Value::Null);
    if slot.is_null() {
        *slot = Value::Object(Map::new());
    }
    slot.is_object().then_some(slot)
}

/// The object called `key`, if it is there.
pub fn existing<'a>(parent: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    parent.get_mut(key).filter(|v| v.is_object())
}

/// The items of the list called `key`; none when there is no list.
pub fn items<'a>(parent: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> {
    parent.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Sets `key` unless it is set already.
pub fn fill(parent: &mut Value, key: &str, default: impl Into<Value>) {
    let Some(map) = parent.as_object_mut() else { return };
    if map.get(key).is_none_or(is_unset) {
        map.insert(key.to_owned(), default.into());
    }
}

/// Sets `key` unless it is set already to something other than zero, for numbers whose zero means "not set".
pub fn fill_number(parent: &mut Value, key: &str, default: i64) {
    let Some(map) = parent.as_object_mut() else { return };
    if map.get(key).is_none_or(|v| is_unset(v) || v.as_i64() == Some(0)) {
        map.insert(key.to_owned(), default.into());
    }
}

/// Drops every `null` in an object, at any depth: it says nothing that absence does not say, and would make equal objects
/// differ. Lists keep their length.
pub fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, inner| !inner.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// How many levels of objects and lists a value has. For values that were decoded within bounds, since it recurses.
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
