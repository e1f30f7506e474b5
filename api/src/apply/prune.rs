//! Removes what an applier applied before and applies no more, as long as nobody else owns it.

use serde_json::{Map, Value};

use super::element::Element;
use super::list::element_at;
use super::path_set::{Node, PathSet};
use super::place::{Form, Place};

/// Removes from `merged` what is in `before` and not in `kept`: what the applier owned, and what anybody owns now. What goes, goes
/// with all that is in it; what becomes empty by that goes too.
pub fn prune(place: Place<'_>, mut merged: Value, before: &PathSet, kept: &PathSet) -> Value {
    match leaves_something(place, &mut merged, before, kept) {
        true => merged,
        false => Value::Object(Map::new()),
    }
}

/// False where something went, and nothing is left.
fn leaves_something(place: Place<'_>, value: &mut Value, before: &PathSet, kept: &PathSet) -> bool {
    let (was, is) = match (place.form(value), value) {
        (Form::Fields(fields), Value::Object(map)) => {
            let was = map.len();
            map.retain(|name, value| {
                let part = Part { element: Element::field(name), place: fields.field(name), named: fields.names(name) };
                part.stays(value, before, kept)
            });
            (was, map.len())
        }
        (Form::Set, Value::Array(list)) => {
            let was = list.len();
            list.retain(|value| !goes(&Element::value(value), false, before, kept));
            (was, list.len())
        }
        (Form::Items(items), Value::Array(list)) => {
            let (was, mut index) = (list.len(), 0..);
            list.retain_mut(|item| {
                let element = element_at(items, index.next().unwrap_or_default(), item);
                Part { element, place: items.item, named: false }.stays(item, before, kept)
            });
            (was, list.len())
        }
        _ => return true,
    };
    is > 0 || was == 0
}

/// A field or an item.
struct Part<'a> {
    element: Element,
    place: Place<'a>,
    named: bool,
}

impl Part<'_> {
    fn stays(&self, value: &mut Value, before: &PathSet, kept: &PathSet) -> bool {
        if goes(&self.element, self.named, before, kept) {
            return false;
        }
        let Some(before) = before.at(&self.element) else { return true };
        let nothing = PathSet::default();
        let kept = kept.at(&self.element).map_or(&nothing, |node| &node.below);
        leaves_something(self.place, value, &before.below, kept)
    }
}

/// Whether the applier owned this and nobody does now. Who owns something in a field that the schema names owns the field.
fn goes(element: &Element, named: bool, before: &PathSet, kept: &PathSet) -> bool {
    let owns = |set: &PathSet| set.at(element).is_some_and(|node: &Node| named || node.member);
    owns(before) && !owns(kept)
}
