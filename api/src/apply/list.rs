//! Lists whose items are told apart: by their value, or by keys.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::element::Element;
use super::place::Items;

/// The items of a list by what tells them apart. A list that is not valid may have one twice.
pub(super) type Grouped<'a> = BTreeMap<Element, Vec<&'a Value>>;

/// What tells the item at `index` apart: its keys, or its index if it lacks one that it must have.
pub(super) fn element_at(items: Items<'_>, index: usize, item: &Value) -> Element {
    items.element(item).unwrap_or(Element::Index(index))
}

/// The items of a list that is told apart by keys.
pub(super) fn group<'a>(items: Items<'_>, list: &'a [Value]) -> Grouped<'a> {
    let mut out = Grouped::new();
    for (index, item) in list.iter().enumerate() {
        out.entry(element_at(items, index, item)).or_default().push(item);
    }
    out
}

/// The values of a set.
pub(super) fn values_of(list: &[Value]) -> BTreeSet<Element> {
    list.iter().map(Element::value).collect()
}

/// The order of a merged list: what `wanted` names comes in its order; what only `present` has comes before the item of both that
/// follows it there, unless that has come already.
pub(super) fn order(present: &[Element], wanted: &[Element]) -> Vec<Element> {
    let (known, named): (BTreeSet<&Element>, BTreeSet<&Element>) = (present.iter().collect(), wanted.iter().collect());
    let mut out = Vec::with_capacity(present.len() + wanted.len());
    let mut rest = present.iter().peekable();
    for (element, next) in wanted.iter().zip(next_of_both(wanted, &known)) {
        while let Some(item) = rest.next_if(|item| Some(*item) != next) {
            out.extend((!named.contains(item)).then(|| item.clone()));
        }
        rest.next_if(|_| next == Some(element));
        out.push(element.clone());
    }
    out.extend(rest.filter(|item| !named.contains(item)).cloned());
    out
}

/// For each item of `wanted` the first that is `known`, itself or a later one.
fn next_of_both<'a>(wanted: &'a [Element], known: &BTreeSet<&Element>) -> Vec<Option<&'a Element>> {
    let mut next = None;
    let backwards = wanted.iter().rev().map(|element| {
        next = if known.contains(element) { Some(element) } else { next };
        next
    });
    let mut out: Vec<_> = backwards.collect();
    out.reverse();
    out
}
