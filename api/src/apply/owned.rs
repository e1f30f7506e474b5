//! What a configuration owns: each of its leaves, each entry of a map, each item of a list that is told apart.

use serde_json::Value;

use super::element::{self, Element};
use super::path_set::{Node, PathSet};
use super::place::{Fields, Form, Items, Place};

/// Why a value cannot be owned field by field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where.
    pub path: String,
    /// What is wrong there.
    pub why: String,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.why)
    }
}

/// The paths that a configuration owns.
pub fn owned(place: Place<'_>, config: &Value) -> Result<PathSet, Malformed> {
    Walk::default().node(place, config).map(|node| node.below)
}

#[derive(Default)]
struct Walk {
    path: Vec<Element>,
}

impl Walk {
    fn node(&mut self, place: Place<'_>, value: &Value) -> Result<Node, Malformed> {
        match (place.form(value), value) {
            (Form::Fields(fields), Value::Object(map)) if !map.is_empty() => self.fields(fields, map),
            (Form::Set, Value::Array(values)) => self.set(values),
            (Form::Items(items), Value::Array(list)) => self.items(items, list),
            _ => Ok(Node::leaf()),
        }
    }

    fn fields(&mut self, fields: Fields<'_>, map: &serde_json::Map<String, Value>) -> Result<Node, Malformed> {
        let mut below = PathSet::default();
        for (name, value) in map {
            let element = Element::field(name);
            let mut node = self.within(&element, |walk| walk.node(fields.field(name), value))?;
            node.member |= !fields.names(name);
            below.add(element, node);
        }
        Ok(Node { member: false, below })
    }

    fn set(&mut self, values: &[Value]) -> Result<Node, Malformed> {
        let mut below = PathSet::default();
        for value in values {
            let element = Element::value(value);
            if below.at(&element).is_some() {
                return Err(self.malformed(format!("duplicate entries for {element}")));
            }
            below.add(element, Node::leaf());
        }
        Ok(Node { member: false, below })
    }

    fn items(&mut self, items: Items<'_>, list: &[Value]) -> Result<Node, Malformed> {
        let mut below = PathSet::default();
        for (index, item) in list.iter().enumerate() {
            let element = items.element(item).map_err(|key| {
                self.malformed(format!(
                    "element {index} omits the key \"{key}\", which tells the items of this list apart"
                ))
            })?;
            if below.at(&element).is_some() {
                return Err(self.malformed(format!("duplicate entries for key {element}")));
            }
            let inner = self.within(&element, |walk| walk.node(items.item, item))?;
            below.add(element, Node { member: true, ..inner });
        }
        Ok(Node { member: false, below })
    }

    fn within<T>(&mut self, element: &Element, walk: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(element.clone());
        let out = walk(self);
        self.path.pop();
        out
    }

    fn malformed(&self, why: String) -> Malformed {
        Malformed { path: element::display(&self.path), why }
    }
}
