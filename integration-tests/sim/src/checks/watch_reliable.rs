//! A watcher is given every revision, or is told which it will not get; and it gets to the end.

use std::collections::BTreeMap;

use super::reference::Reference;
use crate::record::{Given, Record};

pub(super) fn check(record: &Record, reference: &Reference) -> Vec<String> {
    let mut seen = BTreeMap::new();
    let mut problems = Vec::new();
    for watched in &record.watched {
        let seen = seen.entry(watched.watcher).or_insert(1);
        match &watched.given {
            Given::Resumed { .. } => {}
            Given::Progress { revision } if *revision > *seen => {
                let watcher = watched.watcher;
                problems.push(format!("watcher {watcher} is said to be at {revision}, and was given {seen}"));
            }
            Given::Progress { .. } => {}
            Given::Compacted { resume_after } => *seen = *resume_after,
            Given::Batch { events } => {
                let revision = events.first().map_or(0, |event| event.revision);
                if revision > *seen + 1 {
                    let (watcher, missing) = (watched.watcher, *seen + 1);
                    problems.push(format!("watcher {watcher} was not given {missing}, but {revision} after {seen}"));
                }
                *seen = revision;
            }
        }
    }
    let last = reference.last();
    let behind = seen.into_iter().filter(|(_, seen)| *seen < last);
    problems.extend(behind.map(|(watcher, seen)| format!("watcher {watcher} ended at {seen} of {last}")));
    problems
}
