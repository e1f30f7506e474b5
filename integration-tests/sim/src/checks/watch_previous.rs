//! A change says rightly what stood there before.

use super::reference::{Reference, previous};
use crate::record::{Given, Record, key_of};

pub(super) fn check(record: &Record, reference: &Reference) -> Vec<String> {
    let events = record.watched.iter().filter_map(|watched| match &watched.given {
        Given::Batch { events } => Some(events.iter().map(|event| (watched.watcher, event))),
        _ => None,
    });
    let wrong = events.flatten().filter_map(|(watcher, event)| {
        let stood = reference.value_at(key_of(&event.key)?, event.revision - 1);
        (stood != previous(event)).then(|| format!("watcher {watcher}: {stood:?} stood before {event:?}"))
    });
    wrong.collect()
}
