//! Removes what an applier applied before and applies no more, as long as nobody else owns it.

use serde_json::{Map, Value};

use super::element::Element;
use super::list::element_at;
use super::path_set::{Node, PathSet};
use super::place::{Form, Items, Place};

/// Removes from `merged` what is in `before` and not in `kept`: what the applier owned, and what anybody owns now. What goes, goes
/// with all that is in it; what becomes empty by that goes too.
pub fn prune(place: Place<'_>, merged: &Value, before: &PathSet, kept: &PathSet) -> Value {
    below(place, merged, before, kept).unwrap_or_else(|| Value::Object(Map::new()))
}

/// `None` if nothing is left.
fn below(place: Place<'_>, value: &Value, before: &PathSet, kept: &PathSet) -> Option<Value> {
    let left = match (place.form(value), value) {
        (Form::Fields(fields), Value::Object(map)) => {
            let each = map.iter().filter_map(|(name, value)| {
                let part = Part { element: Element::field(name), place: fields.field(name), named: fields.names(name) };
                Some((name.clone(), part.pruned(value, before, kept)?))
            });
            Value::Object(each.collect())
        }
        (Form::Set, Value::Array(list)) => {
            let stays = |value: &&Value| !goes(&Element::value(value), false, before, kept);
            Value::Array(list.iter().filter(stays).cloned().collect())
        }
        (Form::Items(items), Value::Array(list)) => Value::Array(pruned_items(items, list, before, kept)),
        _ => return Some(value.clone()),
    };
    let emptied = left != *value && (left.as_object().is_some_and(Map::is_empty) || left == Value::Array(Vec::new()));
    (!emptied).then_some(left)
}

fn pruned_items(items: Items<'_>, list: &[Value], before: &PathSet, kept: &PathSet) -> Vec<Value> {
    let each = list.iter().enumerate().filter_map(|(index, item)| {
        let part = Part { element: element_at(items, index, item), place: items.item, named: false };
        part.pruned(item, before, kept)
    });
    each.collect()
}

/// A field or an item.
struct Part<'a> {
    element: Element,
    place: Place<'a>,
    named: bool,
}

impl Part<'_> {
    fn pruned(&self, value: &Value, before: &PathSet, kept: &PathSet) -> Option<Value> {
        if goes(&self.element, self.named, before, kept) {
            return None;
        }
        let Some(before) = before.at(&self.element) else { return Some(value.clone()) };
        let nothing = PathSet::default();
        let kept = kept.at(&self.element).map_or(&nothing, |node| &node.below);
        below(self.place, value, &before.below, kept)
    }
}

/// Whether the applier owned this and nobody does now. Who owns something in a field that the schema names owns the field.
fn goes(element: &Element, named: bool, before: &PathSet, kept: &PathSet) -> bool {
    let owns = |set: &PathSet| set.at(element).is_some_and(|node: &Node| named || node.member);
    owns(before) && !owns(kept)
}
