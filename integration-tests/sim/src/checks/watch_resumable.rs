//! A watcher that goes on after a revision, at any member, is given the next one first.

use std::collections::BTreeMap;

use super::reference::Reference;
use crate::record::{Given, Record};

pub(super) fn check(record: &Record, reference: &Reference) -> Vec<String> {
    let mut resumed = BTreeMap::new();
    let mut problems = Vec::new();
    for watched in &record.watched {
        match &watched.given {
            Given::Resumed { after } => {
                resumed.insert(watched.watcher, *after);
            }
            Given::Progress { .. } => {}
            Given::Compacted { .. } => {
                resumed.remove(&watched.watcher);
            }
            Given::Batch { events } => {
                let Some(after) = resumed.remove(&watched.watcher) else { continue };
                let next = reference.revisions.range(after + 1..).next().map(|(revision, _)| *revision);
                let given = events.first().map(|event| event.revision);
                if given != next {
                    let watcher = watched.watcher;
                    problems.push(format!("watcher {watcher} went on after {after} with {given:?}, not {next:?}"));
                }
            }
        }
    }
    problems
}
