//! Sets of paths: who owns which fields.
//!
//! A set is a tree of steps. A path is in the set if its last node is a member; the nodes above need not be. So a set can own an
//! item of a list (`k:{"name":"app"}`) with or without some of the item's fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::element::Element;

/// The member of an encoded node that says that the node itself is in the set.
const SELF: &str = ".";

/// A set of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathSet {
    children: BTreeMap<Element, Node>,
}

/// What a set has at a path and below it. In a set no node is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Whether the path itself is in the set.
    pub member: bool,
    /// What is in the set below the path.
    pub below: PathSet,
}

impl Node {
    /// A path that is in the set, with nothing below it.
    pub fn leaf() -> Self {
        Self { member: true, below: PathSet::default() }
    }

    fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }

    fn union(&mut self, other: Self) {
        self.member |= other.member;
        self.below.union(other.below);
    }

    fn encode(&self) -> Value {
        let mut out = self.below.encode();
        if self.member && !self.below.is_empty() {
            out[SELF] = json!({});
        }
        out
    }

    fn decode(value: &Value) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(|| format!("expected an object and found {value}"))?;
        let below = PathSet::decode(value)?;
        Ok(Self { member: below.is_empty() || map.contains_key(SELF), below })
    }
}

impl PathSet {
    /// Whether no path is in the set.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// What the set has at the first step and below.
    pub fn at(&self, element: &Element) -> Option<&Node> {
        self.children.get(element)
    }

    /// Whether this very path is in the set.
    pub fn has(&self, path: &[Element]) -> bool {
        let Some((first, rest)) = path.split_first() else { return false };
        let Some(node) = self.at(first) else { return false };
        if rest.is_empty() { node.member } else { node.below.has(rest) }
    }

    /// Adds a path. The empty path is in no set.
    pub fn insert(&mut self, path: &[Element]) {
        let Some((first, rest)) = path.split_first() else { return };
        let node = self.children.entry(first.clone()).or_default();
        if rest.is_empty() {
            node.member = true;
        } else {
            node.below.insert(rest);
        }
    }

    /// Adds what a node has; an empty one adds nothing.
    pub fn add(&mut self, element: Element, node: Node) {
        if !node.is_empty() {
            self.children.entry(element).or_default().union(node);
        }
    }

    /// Adds all paths of another set.
    pub fn union(&mut self, other: Self) {
        other.children.into_iter().for_each(|(element, node)| self.add(element, node));
    }

    /// The paths that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut out = Self::default();
        for (element, node) in &self.children {
            let Some(theirs) = other.at(element) else { continue };
            let below = node.below.intersection(&theirs.below);
            out.add(element.clone(), Node { member: node.member && theirs.member, below });
        }
        out
    }

    /// The paths that are not in the other set.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut out = Self::default();
        for (element, node) in &self.children {
            let left = match other.at(element) {
                None => node.clone(),
                Some(theirs) => {
                    Node { member: node.member && !theirs.member, below: node.below.difference(&theirs.below) }
                }
            };
            out.add(element.clone(), left);
        }
        out
    }

    /// Every path of the set, in order.
    pub fn paths(&self) -> Vec<Vec<Element>> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, path: &mut Vec<Element>, out: &mut Vec<Vec<Element>>) {
        for (element, node) in &self.children {
            path.push(element.clone());
            if node.member {
                out.push(path.clone());
            }
            node.below.collect(path, out);
            path.pop();
        }
    }

    /// The set as `fieldsV1`.
    pub fn encode(&self) -> Value {
        let children: Map<String, Value> =
            self.children.iter().map(|(element, node)| (element.encode(), node.encode())).collect();
        Value::Object(children)
    }

    /// Reads `fieldsV1`; an error says what is no step of a path.
    pub fn decode(value: &Value) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(|| format!("expected an object and found {value}"))?;
        let mut out = Self::default();
        for (name, child) in map.iter().filter(|(name, _)| *name != SELF) {
            let element = Element::decode(name).ok_or_else(|| format!("\"{name}\" is no step of a path"))?;
            out.add(element, Node::decode(child)?);
        }
        Ok(out)
    }
}

impl<const N: usize> FromIterator<[&'static str; N]> for PathSet {
    /// A set of paths of fields.
    fn from_iter<I: IntoIterator<Item = [&'static str; N]>>(paths: I) -> Self {
        let mut out = Self::default();
        for path in paths {
            out.insert(&path.map(Element::field));
        }
        out
    }
}
