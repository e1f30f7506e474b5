//! A watcher is given no change twice.

use std::collections::BTreeSet;

use super::reference::Reference;
use crate::record::{Given, Record};

pub(super) fn check(record: &Record, _reference: &Reference) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for watched in &record.watched {
        let Given::Batch { events } = &watched.given else { continue };
        for event in events {
            if !seen.insert((watched.watcher, event.revision, event.key.clone())) {
                problems.push(format!("watcher {} was given {event:?} twice", watched.watcher));
            }
        }
    }
    problems
}
