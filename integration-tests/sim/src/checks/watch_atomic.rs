//! A watcher is given all changes of a revision at once, and nothing that did not happen.

use super::reference::Reference;
use crate::record::{Given, Record};

pub(super) fn check(record: &Record, reference: &Reference) -> Vec<String> {
    let wrong = record.watched.iter().filter_map(|watched| {
        let Given::Batch { events } = &watched.given else { return None };
        let revision = events.first().map_or(0, |event| event.revision);
        let happened = reference.revisions.get(&revision);
        (happened != Some(events)).then(|| {
            format!("watcher {} was given {events:?} as revision {revision}, it was {happened:?}", watched.watcher)
        })
    });
    wrong.collect()
}
