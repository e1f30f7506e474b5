//! A watcher is given revisions in their order.

use std::collections::BTreeMap;

use super::reference::Reference;
use crate::record::{Given, Record};

pub(super) fn check(record: &Record, _reference: &Reference) -> Vec<String> {
    let mut last = BTreeMap::new();
    let back = record.watched.iter().filter_map(|watched| {
        let Given::Batch { events } = &watched.given else { return None };
        let revision = events.first()?.revision;
        let before = last.insert(watched.watcher, revision)?;
        (before > revision).then(|| format!("watcher {} was given {revision} after {before}", watched.watcher))
    });
    back.collect()
}
