//! Lays an applied configuration over an object. What the configuration does not speak of stays.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::element::Element;
use super::list::{element_at, group, order};
use super::place::{Fields, Form, Items, Place};

/// The object with everything as the configuration has it. The configuration has no list with an item twice: [`super::owned()`]
/// refuses those.
pub fn merge(place: Place<'_>, live: &Value, config: &Value) -> Value {
    match (place.form(config), config, live) {
        (Form::Fields(fields), Value::Object(config), Value::Object(live)) => merge_fields(fields, live, config),
        (Form::Fields(fields), Value::Object(config), _) => merge_fields(fields, &Map::new(), config),
        (Form::Set, Value::Array(config), Value::Array(live)) => merge_set(live, config),
        (Form::Items(items), Value::Array(config), Value::Array(live)) => merge_items(items, live, config),
        (Form::Items(items), Value::Array(config), _) => merge_items(items, &[], config),
        _ => config.clone(),
    }
}

fn merge_fields(fields: Fields<'_>, live: &Map<String, Value>, config: &Map<String, Value>) -> Value {
    let merged = config.iter().map(|(name, wanted)| {
        let present = live.get(name).unwrap_or(&Value::Null);
        (name.clone(), merge(fields.field(name), present, wanted))
    });
    let untouched = live.iter().filter(|(name, _)| !config.contains_key(*name));
    merged.chain(untouched.map(|(name, value)| (name.clone(), value.clone()))).collect()
}

fn merge_set(live: &[Value], config: &[Value]) -> Value {
    let [present, wanted] = [live, config].map(|list| list.iter().map(Element::value).collect::<Vec<_>>());
    let all = present.iter().zip(live).chain(wanted.iter().zip(config));
    let by_element: BTreeMap<&Element, &Value> = all.collect();
    order(&present, &wanted).iter().filter_map(|element| by_element.get(element).copied()).cloned().collect()
}

fn merge_items(items: Items<'_>, live: &[Value], config: &[Value]) -> Value {
    let elements = |list: &[Value]| -> Vec<Element> {
        list.iter().enumerate().map(|(index, item)| element_at(items, index, item)).collect()
    };
    let (present, wanted) = (elements(live), elements(config));
    let (old, new) = (group(items, live), group(items, config));
    let mut left: BTreeMap<&Element, _> = old.iter().map(|(element, items)| (element, items.iter())).collect();
    let mut out = Vec::with_capacity(live.len() + config.len());
    for element in order(&present, &wanted) {
        let Some(wanted) = new.get(&element).and_then(|items| items.first()) else {
            // Of items that are there more than once, each comes with its own place in the order.
            out.extend(left.get_mut(&element).and_then(|items| items.next()).map(|item| (*item).clone()));
            continue;
        };
        let base = match old.get(&element).map(Vec::as_slice) {
            Some([only]) => only,
            _ => &Value::Null,
        };
        out.push(merge(items.item, base, wanted));
    }
    Value::Array(out)
}
