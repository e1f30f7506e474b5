//! What must hold of every simulation, one invariant a file. Each gives the violations that it finds, in words.

mod acknowledged;
mod agreement;
mod hashes;
mod leases;
mod linearizable;
mod once;
mod reads;
mod reference;
mod refused;
mod revisions;
mod watch_atomic;
mod watch_ordered;
mod watch_previous;
mod watch_reliable;
mod watch_resumable;
mod watch_unique;

use reference::Reference;

use crate::record::Record;

type Check = fn(&Record, &Reference) -> Vec<String>;

/// Every invariant, by name.
const CHECKS: [(&str, Check); 15] = [
    ("agreement", agreement::check),
    ("acknowledged", acknowledged::check),
    ("refused", refused::check),
    ("once", once::check),
    ("reads", reads::check),
    ("revisions", revisions::check),
    ("linearizable", linearizable::check),
    ("hashes", hashes::check),
    ("leases", leases::check),
    ("watch ordered", watch_ordered::check),
    ("watch unique", watch_unique::check),
    ("watch atomic", watch_atomic::check),
    ("watch previous", watch_previous::check),
    ("watch reliable", watch_reliable::check),
    ("watch resumable", watch_resumable::check),
];

/// All violations; a few of each kind, because one often brings many.
pub(crate) fn violations(record: &Record) -> Vec<String> {
    let reference = Reference::of(record);
    let named = |(name, check): &(&str, Check)| {
        let found = check(record, &reference);
        let more = found.len().saturating_sub(3);
        let mut lines: Vec<String> = found.into_iter().take(3).map(|what| format!("{name}: {what}")).collect();
        lines.extend((more > 0).then(|| format!("{name}: and {more} more")));
        lines
    };
    record.problems.iter().cloned().chain(CHECKS.iter().flat_map(named)).collect()
}
