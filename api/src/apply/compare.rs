//! What differs between two states of an object.
//!
//! Every leaf that is on one side only, or not the same on both, is noted; so are entries of maps and items of lists that are on
//! one side only, besides what is in them. Structures, and lists and maps as such, come with the schema and are not noted.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::element::Element;
use super::list::{Grouped, group, values_of};
use super::path_set::PathSet;
use super::place::{Fields, Form, Items, Place};

/// What differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// On the new side only, or another value than on the old one.
    pub taken: PathSet,
    /// On the old side only.
    pub removed: PathSet,
}

/// Compares two states of an object.
pub fn compare(place: Place<'_>, old: &Value, new: &Value) -> Difference {
    let mut walk = Walk::default();
    walk.values(place, Sides { old: Some(old), new: Some(new) });
    walk.found
}

#[derive(Default)]
struct Walk {
    path: Vec<Element>,
    found: Difference,
}

/// A value on either side, or on both.
#[derive(Clone, Copy)]
struct Sides<'a> {
    old: Option<&'a Value>,
    new: Option<&'a Value>,
}

impl<'a> Sides<'a> {
    fn maps(self) -> [Option<&'a Map<String, Value>>; 2] {
        [self.old, self.new].map(|side| side.and_then(Value::as_object))
    }

    fn lists(self) -> [&'a [Value]; 2] {
        [self.old, self.new].map(|side| side.and_then(Value::as_array).map_or(&[][..], Vec::as_slice))
    }
}

impl Walk {
    fn values(&mut self, place: Place<'_>, sides: Sides<'_>) {
        if sides.old == sides.new {
            return;
        }
        let form = |side: Option<&Value>| side.filter(|value| !is_empty(value)).map(|value| place.form(value));
        match (form(sides.old), form(sides.new)) {
            (Some(Form::Fields(fields)), Some(Form::Fields(_)) | None) | (None, Some(Form::Fields(fields)))
                if agree(sides, Value::is_object) =>
            {
                self.fields(fields, sides)
            }
            (Some(Form::Set), Some(Form::Set) | None) | (None, Some(Form::Set)) if agree(sides, Value::is_array) => {
                self.set(sides);
            }
            (Some(Form::Items(items)), Some(Form::Items(_)) | None) | (None, Some(Form::Items(items)))
                if agree(sides, Value::is_array) =>
            {
                self.items(items, sides)
            }
            (Some(Form::Whole) | None, Some(Form::Whole) | None) => self.note(sides.new.is_some()),
            _ => {
                self.values(place, Sides { new: None, ..sides });
                self.values(place, Sides { old: None, ..sides });
            }
        }
    }

    fn fields(&mut self, fields: Fields<'_>, sides: Sides<'_>) {
        let maps = sides.maps();
        let names: BTreeSet<&String> = maps.iter().flatten().flat_map(|map| map.keys()).collect();
        for name in names {
            let [old, new] = maps.map(|map| map.and_then(|map| map.get(name)));
            let within = Sides { old, new };
            self.path.push(Element::field(name));
            if !fields.names(name) {
                self.note_one_sided(within);
            }
            self.values(fields.field(name), within);
            self.path.pop();
        }
    }

    fn set(&mut self, sides: Sides<'_>) {
        let [old, new] = sides.lists().map(values_of);
        for element in old.symmetric_difference(&new) {
            self.path.push(element.clone());
            self.note(new.contains(element));
            self.path.pop();
        }
    }

    fn items(&mut self, items: Items<'_>, sides: Sides<'_>) {
        let [old, new]: [Grouped<'_>; 2] = sides.lists().map(|list| group(items, list));
        let elements: BTreeSet<&Element> = old.keys().chain(new.keys()).collect();
        for element in elements {
            self.path.push(element.clone());
            match (having(&old, element), having(&new, element)) {
                ([old], [new]) => self.values(items.item, Sides { old: Some(*old), new: Some(*new) }),
                (old @ ([] | [_]), new @ ([] | [_])) => {
                    let within = Sides { old: old.first().copied(), new: new.first().copied() };
                    self.note_one_sided(within);
                    self.values(items.item, within);
                }
                (old, new) if old != new => self.note(!new.is_empty()),
                _ => {}
            }
            self.path.pop();
        }
    }

    fn note_one_sided(&mut self, sides: Sides<'_>) {
        if sides.old.is_some() != sides.new.is_some() {
            self.note(sides.new.is_some());
        }
    }

    fn note(&mut self, taken: bool) {
        let set = if taken { &mut self.found.taken } else { &mut self.found.removed };
        set.insert(&self.path);
    }
}

fn having<'a, 'b>(side: &'b Grouped<'a>, element: &Element) -> &'b [&'a Value] {
    side.get(element).map_or(&[], Vec::as_slice)
}

/// Empty objects and lists say no more than that they are there.
fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

/// Whether a side that says nothing of its form can have the other's.
fn agree(sides: Sides<'_>, of_that_form: fn(&Value) -> bool) -> bool {
    [sides.old, sides.new].into_iter().flatten().all(of_that_form)
}
