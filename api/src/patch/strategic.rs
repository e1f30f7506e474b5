//! Strategic merge patch: a merge patch that knows which lists are merged by key.
//!
//! Besides plain values a patch may hold directives: `$patch: delete|replace|merge` in an object, `$retainKeys`,
//! `$deleteFromPrimitiveList/<field>` and `$setElementOrder/<field>`. kubectl computes such patches for `apply`, `edit` and
//! `set`; clients depend on the order of the result, so it follows upstream's rules.

use std::collections::{BTreeMap, BTreeSet};

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
    check_words(patch)?;
    if let Some(retained) = patch.get(RETAIN_KEYS) {
        retain_keys(&mut target, patch, &strings(retained)?)?;
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
    let order = order_of(patch, key)?;
    let new = match (shape.field(key), change) {
        (Merge::List { key: id, item }, Value::Array(items)) => {
            let list = ListShape { id, item };
            if let Some(order) = order {
                check_order(key, &list.ids_that_stay(items), &list.ids(order))?;
            }
            merge_list(list, into_list(old), items, order)?
        }
        (Merge::Set, Value::Array(items)) => {
            order.map_or(Ok(()), |order| check_order(key, &texts(items), &texts(order)))?;
            merge_set(into_list(old), items, order)
        }
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

/// Refuses words that no merge knows, rather than taking them for fields.
fn check_words(patch: &Map<String, Value>) -> Result<(), Status> {
    let known = |key: &str| {
        matches!(key, PATCH | RETAIN_KEYS) || key.starts_with(DELETE_PREFIX) || key.starts_with(ORDER_PREFIX)
    };
    match patch.keys().find(|key| key.starts_with('$') && !known(key)) {
        Some(word) => Err(Status::bad_request(format!("unrecognized directive in a strategic merge patch: {word}"))),
        None => Ok(()),
    }
}

/// Drops every field that is not to be retained. A patch that sets such a field contradicts itself.
fn retain_keys(
    target: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    retained: &BTreeSet<&str>,
) -> Result<(), Status> {
    let sets = |(key, value): &(&String, &Value)| !key.starts_with('$') && !value.is_null();
    if let Some((key, _)) = patch.iter().filter(sets).find(|(key, _)| !retained.contains(key.as_str())) {
        return Err(Status::bad_request(format!("{RETAIN_KEYS} does not name {key}, which the patch sets")));
    }
    target.retain(|key, _| retained.contains(key.as_str()));
    Ok(())
}

/// Refuses a patch whose items are not all in its own `$setElementOrder`, in that order.
fn check_order(field: &str, items: &[String], order: &[String]) -> Result<(), Status> {
    let mut rest = order.iter();
    if items.iter().all(|item| rest.any(|other| other == item)) {
        return Ok(());
    }
    let message = format!("the order of the items of {field} in the patch does not match {ORDER_PREFIX}{field}");
    Err(Status::bad_request(message))
}

/// The value of an object that replaces or is new, without the words meant for the merge.
fn without_directives(patch: &Map<String, Value>) -> Map<String, Value> {
    patch.iter().filter(|(key, _)| !key.starts_with('$')).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn strings(value: &Value) -> Result<BTreeSet<&str>, Status> {
    let list = value.as_array().and_then(|items| items.iter().map(Value::as_str).collect::<Option<_>>());
    list.ok_or_else(|| Status::bad_request(format!("{RETAIN_KEYS} must be a list of strings")))
}

fn into_list(value: Value) -> Vec<Value> {
    if let Value::Array(items) = value { items } else { Vec::new() }
}

fn delete_primitives(target: &mut Map<String, Value>, patch: &Map<String, Value>) -> Result<(), Status> {
    for (key, doomed) in patch {
        let Some(field) = key.strip_prefix(DELETE_PREFIX) else { continue };
        let doomed = doomed.as_array().ok_or_else(|| Status::bad_request(format!("{key} must be a list")))?;
        let doomed: BTreeSet<String> = doomed.iter().map(Value::to_string).collect();
        if let Some(list) = target.get_mut(field).and_then(Value::as_array_mut) {
            list.retain(|item| !doomed.contains(&item.to_string()));
        }
    }
    Ok(())
}

/// The order that the patch sets for a list, if it does.
fn order_of<'a>(patch: &'a Map<String, Value>, field: &str) -> Result<Option<&'a [Value]>, Status> {
    let Some(order) = patch.get(&format!("{ORDER_PREFIX}{field}")) else { return Ok(None) };
    let bad = || Status::bad_request(format!("{ORDER_PREFIX}{field} must be a list"));
    order.as_array().map(|order| Some(order.as_slice())).ok_or_else(bad)
}

/// `$setElementOrder` may order a list that the patch does not change otherwise.
fn order_untouched(
    shape: Shape<'_>,
    target: &mut Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<(), Status> {
    for key in patch.keys() {
        let Some(field) = key.strip_prefix(ORDER_PREFIX).filter(|field| !patch.contains_key(*field)) else { continue };
        let order = order_of(patch, field)?;
        let Some(old) = target.get_mut(field).filter(|old| old.is_array()) else { continue };
        let items = into_list(old.take());
        *old = match shape.field(field) {
            Merge::List { key: id, item } => merge_list(ListShape { id, item }, items, &[], order)?,
            _ => merge_set(items, &[], order),
        };
    }
    Ok(())
}

/// Plain values are told apart by themselves.
fn texts(items: &[Value]) -> Vec<String> {
    items.iter().map(Value::to_string).collect()
}

fn merge_set(old: Vec<Value>, items: &[Value], order: Option<&[Value]>) -> Value {
    let server_order = texts(&old);
    let mut there: BTreeSet<String> = server_order.iter().cloned().collect();
    let mut merged: Vec<(String, Value)> = server_order.iter().cloned().zip(old).collect();
    for item in items {
        if there.insert(item.to_string()) {
            merged.push((item.to_string(), item.clone()));
        }
    }
    reorder(merged, &server_order, &texts(order.unwrap_or(items)))
}

#[derive(Clone, Copy)]
struct ListShape<'a> {
    id: &'a str,
    item: Shape<'a>,
}

impl ListShape<'_> {
    fn id_of(self, item: &Value) -> String {
        item.get(self.id).unwrap_or(&Value::Null).to_string()
    }

    fn ids(self, items: &[Value]) -> Vec<String> {
        items.iter().map(|item| self.id_of(item)).collect()
    }

    /// The ids of the items that the patch does not delete.
    fn ids_that_stay(self, items: &[Value]) -> Vec<String> {
        items.iter().filter(|item| item.get(PATCH).is_none()).map(|item| self.id_of(item)).collect()
    }
}

/// A list in the making. Items that are deleted leave a gap.
#[derive(Default)]
struct Merged {
    items: Vec<(String, Option<Value>)>,
    /// Where items of an id are; a list that is not valid may have several.
    places: BTreeMap<String, Vec<usize>>,
}

impl Merged {
    fn push(&mut self, id: String, item: Value) {
        self.places.entry(id.clone()).or_default().push(self.items.len());
        self.items.push((id, Some(item)));
    }

    fn delete(&mut self, id: &str) {
        for place in self.places.remove(id).unwrap_or_default() {
            self.items[place].1 = None;
        }
    }

    /// The first item of that id.
    fn find(&mut self, id: &str) -> Option<&mut Value> {
        let place = *self.places.get(id)?.first()?;
        self.items[place].1.as_mut()
    }
}

fn merge_list(
    shape: ListShape<'_>,
    old: Vec<Value>,
    items: &[Value],
    order: Option<&[Value]>,
) -> Result<Value, Status> {
    let server_order = shape.ids(&old);
    let replaces = |item: &Value| item.get(PATCH).and_then(Value::as_str) == Some("replace");
    let mut merged = Merged::default();
    if !items.iter().any(replaces) {
        server_order.iter().cloned().zip(old).for_each(|(id, item)| merged.push(id, item));
    }
    for item in items.iter().filter(|item| !replaces(item)) {
        merge_item(shape, &mut merged, item)?;
    }
    let there = merged.items.into_iter().filter_map(|(id, item)| Some((id, item?))).collect();
    Ok(reorder(there, &server_order, &shape.ids(order.unwrap_or(items))))
}

fn merge_item(shape: ListShape<'_>, merged: &mut Merged, item: &Value) -> Result<(), Status> {
    let changes = item.as_object().ok_or_else(|| Status::bad_request("expected an object in a list merged by key"))?;
    let word = directive(changes)?;
    if word == Some("merge") {
        return Err(Status::bad_request("an item of a list cannot have the directive $patch: merge"));
    }
    if !changes.contains_key(shape.id) {
        let message = format!("map does not contain the merge key {}: {item}", shape.id);
        return Err(Status::bad_request(message));
    }
    let id = shape.id_of(item);
    if word == Some("delete") {
        merged.delete(&id);
        return Ok(());
    }
    match merged.find(&id) {
        Some(slot) => {
            let old = if let Value::Object(old) = slot.take() { old } else { Map::new() };
            *slot = Value::Object(merge_object(shape.item, old, changes)?);
        }
        None => merged.push(id, Value::Object(merge_object(shape.item, Map::new(), changes)?)),
    }
    Ok(())
}

/// Orders a list of items with their ids: what the patch names comes in the patch's order; what only the server had keeps its
/// place before an item that it preceded on the server.
fn reorder(items: Vec<(String, Value)>, server_order: &[String], wanted: &[String]) -> Value {
    let (server, wanted) = (places(server_order), places(wanted));
    let (mut named, mut others): (Vec<_>, Vec<_>) =
        items.into_iter().partition(|(id, _)| wanted.contains_key(id.as_str()));
    named.sort_by_key(|(id, _)| wanted.get(id.as_str()));
    others.sort_by_key(|(id, _)| server.get(id.as_str()));
    let mut out = Vec::with_capacity(named.len() + others.len());
    let mut others = others.into_iter().peekable();
    for (id, item) in named {
        let limit = server.get(id.as_str());
        let comes_first = |other: &(String, Value)| limit.is_some() && server.get(other.0.as_str()) < limit;
        while let Some((_, other)) = others.next_if(comes_first) {
            out.push(other);
        }
        out.push(item);
    }
    out.extend(others.map(|(_, other)| other));
    Value::Array(out)
}

/// Where each id comes first.
fn places(ids: &[String]) -> BTreeMap<&str, usize> {
    let mut out = BTreeMap::new();
    for (place, id) in ids.iter().enumerate() {
        out.entry(id.as_str()).or_insert(place);
    }
    out
}
