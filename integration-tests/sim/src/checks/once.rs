//! What was proposed is applied once, however often it was sent.

use std::collections::BTreeMap;

use super::reference::Reference;
use crate::record::Record;

pub(super) fn check(_record: &Record, reference: &Reference) -> Vec<String> {
    let mut seen = BTreeMap::new();
    let again = |(revision, key, value)| {
        let first = seen.insert((key, value), revision)?;
        Some(format!("value {value} was put under key {key} at revisions {first} and {revision}"))
    };
    reference.puts().filter_map(again).collect()
}
