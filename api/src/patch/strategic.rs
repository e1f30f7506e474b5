//! Strategic merge patch: a merge patch that knows which lists are merged by key.
//!
//! Besides plain values a patch may hold directives: `$patch: delete|replace|merge` in an object, `$retainKeys`,
//! `$deleteFromPrimitiveList/<field>` and `$setElementOrder/<field>`. kubectl computes such patches for `apply`, `edit` and
//! `set`; clients depend on the order of the result, so it follows upstream's rules.

use serde_json::{Map, Value};

use super::shapes::{Merge, Shape};
use crate::status::Status;

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_PREFIX: &str = "$deleteFromPrimitiveList/";
const ORDER_PREFIX: &str = "$setElementOrder/";

/// Lays the patch over the object.
pub fn apply(shape: Shape<'_>, object: &Value, patch: &Value) -> Result<Value, Status> {
    let (Some(object), Some(patch)) = (object.as_object(), patch.as_object()) else {
        return Err(Status::bad_request("a strategic merge patch must be a JSON object"));
    };
    merge_object(shape, object.clone(), patch).map(Value::Object)
}

fn merge_object(
    shape: Shape<'_>,
    mut target: Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<Map<String, Value>, Status> {
    match directive(patch)? {
        Some("replace") => return Ok(without_directives(patch)),
        Some("delete") => return Ok(Map::new()),
        _ => {}
    }
    if let Some(retained) = patch.get(RETAIN_KEYS) {
        let retained = strings(retained, RETAIN_KEYS)?;
        target.retain(|key, _| retained.contains(&key.as_str()));
    }
    delete_primitives(&mut target, patch)?;
    for (key, change) in patch.iter().filter(|(key, _)| !key.starts_with('$')) {
        merge_field(shape, &mut target, key, change, patch)?;
    }
    order_untouched(shape, &mut target, patch)?;
    Ok(target)
}

fn merge_field(
    shape: Shape<'_>,
    target: &mut Map<String, Value>,
    key: &str,
    change: &Value,
    patch: &Map<String, Value>,
) -> Result<(), Status> {
    if change.is_null() {
        target.remove(key);
        return Ok(());
    }
    let old = target.remove(key).unwrap_or(Value::Null);
    let order = patch.get(&format!("{ORDER_PREFIX}{key}"));
    let new = match (shape.field(key), change) {
        (Merge::List { key: id, item }, Value::Array(items)) => {
            merge_list(ListShape { id, item }, into_list(old), items, order)?
        }
        (Merge::Set, Value::Array(items)) => merge_set(into_list(old), items, order),
        (Merge::Plain(inner), Value::Object(changes)) => {
            if directive(changes)? == Some("delete") {
                return Ok(());
            }
            let old = if let Value::Object(old) = old { old } else { Map::new() };
            Value::Object(merge_object(inner, old, changes)?)
        }
        _ => change.clone(),
    };
    target.insert(key.to_owned(), new);
    Ok(())
}

fn directive(patch: &Map<String, Value>) -> Result<Option<&str>, Status> {
    match patch.get(PATCH) {
        None => Ok(None),
        Some(Value::String(word)) if matches!(word.as_str(), "delete" | "replace" | "merge") => Ok(Some(word)),
        Some(other) => Err(Status::bad_request(format!("unrecognized $patch directive: {other}"))),
    }
}

/// The value of an object that replaces or is new, without the words meant for the merge.
fn without_directives(patch: &Map<String, Value>) -> Map<String, Value> {
    patch.iter().filter(|(key, _)| !key.starts_with('$')).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn strings<'a>(value: &'a Value, what: &str) -> Result<Vec<&'a str>, Status> {
    let list = value.as_array().and_then(|items| items.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    list.ok_or_else(|| Status::bad_request(format!("{what} must be a list of strings")))
}

fn into_list(value: Value) -> Vec<Value> {
    if let Value::Array(items) = value { items } else { Vec::new() }
}

fn delete_primitives(target: &mut Map<String, Value>, patch: &Map<String, Value>) -> Result<(), Status> {
    for (key, doomed) in patch {
        let Some(field) = key.strip_prefix(DELETE_PREFIX) else { continue };
        let doomed = doomed.as_array().ok_or_else(|| Status::bad_request(format!("{key} must be a list")))?;
        if let Some(list) = target.get_mut(field).and_then(Value::as_array_mut) {
            list.retain(|item| !doomed.contains(item));
        }
    }
    Ok(())
}

/// `$setElementOrder` may order a list that the patch does not change otherwise.
fn order_untouched(
    shape: Shape<'_>,
    target: &mut Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<(), Status> {
    for (key, order) in patch {
        let Some(field) = key.strip_prefix(ORDER_PREFIX).filter(|field| !patch.contains_key(*field)) else { continue };
        let Some(old) = target.get_mut(field).filter(|old| old.is_array()) else { continue };
        let items = into_list(old.take());
        *old = match shape.field(field) {
            Merge::List { key: id, item } => merge_list(ListShape { id, item }, items, &[], Some(order))?,
            _ => merge_set(items, &[], Some(order)),
        };
    }
    Ok(())
}

fn merge_set(mut old: Vec<Value>, items: &[Value], order: Option<&Value>) -> Value {
    let server_order = old.clone();
    for item in items {
        if !old.contains(item) {
            old.push(item.clone());
        }
    }
    let wanted = order.and_then(Value::as_array).map_or(items, Vec::as_slice);
    Value::Array(reorder(old, &server_order, wanted))
}

#[derive(Clone, Copy)]
struct ListShape<'a> {
    id: &'a str,
    item: Shape<'a>,
}

fn merge_list(shape: ListShape<'_>, old: Vec<Value>, items: &[Value], order: Option<&Value>) -> Result<Value, Status> {
    let id_of = |item: &Value| item.get(shape.id).cloned().unwrap_or(Value::Null);
    let server_order: Vec<Value> = old.iter().map(id_of).collect();
    let replaces = |item: &Value| item.get(PATCH).and_then(Value::as_str) == Some("replace");
    let mut merged = if items.iter().any(|item| replaces(item) && id_of(item).is_null()) { Vec::new() } else { old };
    for item in items {
        merge_item(shape, &mut merged, item)?;
    }
    let wanted: Vec<Value> = match order.and_then(Value::as_array) {
        Some(order) => order.iter().map(id_of).collect(),
        None => items.iter().map(id_of).collect(),
    };
    let ids: Vec<Value> = merged.iter().map(id_of).collect();
    let sorted = reorder(ids.clone(), &server_order, &wanted);
    let mut slots: Vec<Option<Value>> = merged.into_iter().map(Some).collect();
    let take = |id: &Value| {
        ids.iter().zip(&mut slots).find(|(i, slot)| *i == id && slot.is_some()).and_then(|(_, s)| s.take())
    };
    Ok(Value::Array(sorted.iter().map(take).map(|item| item.unwrap_or(Value::Null)).collect()))
}

fn merge_item(shape: ListShape<'_>, merged: &mut Vec<Value>, item: &Value) -> Result<(), Status> {
    let changes = item.as_object().ok_or_else(|| Status::bad_request("expected an object in a list merged by key"))?;
    let word = directive(changes)?;
    let Some(id) = changes.get(shape.id) else {
        // A lone `$patch: replace` was handled by emptying the list.
        let message = format!("map does not contain the merge key {}: {item}", shape.id);
        return if word == Some("replace") { Ok(()) } else { Err(Status::bad_request(message)) };
    };
    if word == Some("delete") {
        merged.retain(|old| old.get(shape.id) != Some(id));
        return Ok(());
    }
    match merged.iter_mut().find(|old| old.get(shape.id) == Some(id)) {
        Some(slot) => {
            let old = if let Value::Object(old) = slot.take() { old } else { Map::new() };
            *slot = Value::Object(merge_object(shape.item, old, changes)?);
        }
        None => merged.push(Value::Object(merge_object(shape.item, Map::new(), changes)?)),
    }
    Ok(())
}

/// Orders a list: what the patch names comes in the patch's order; what only the server had keeps its place before an item
/// that it preceded on the server.
fn reorder(items: Vec<Value>, server_order: &[Value], wanted: &[Value]) -> Vec<Value> {
    let place = |list: &[Value], id: &Value| list.iter().position(|other| other == id);
    let (mut named, mut others): (Vec<Value>, Vec<Value>) = items.into_iter().partition(|id| wanted.contains(id));
    named.sort_by_key(|id| place(wanted, id));
    others.sort_by_key(|id| place(server_order, id));
    let mut out = Vec::with_capacity(named.len() + others.len());
    let mut others = others.into_iter().peekable();
    for id in named {
        let limit = place(server_order, &id);
        while let Some(other) = others.next_if(|o| limit.is_some_and(|l| place(server_order, o).is_some_and(|p| p < l)))
        {
            out.push(other);
        }
        out.push(id);
    }
    out.extend(others);
    out
}
