//! Keys of one lease go together, and not before their time, whatever clocks say.

use std::collections::BTreeMap;

use super::reference::Reference;
use crate::record::Record;

/// Keys that a client puts under one lease.
const TOGETHER: usize = 2;

pub(super) fn check(record: &Record, reference: &Reference) -> Vec<String> {
    let mut problems = early(record);
    for (revision, events) in &reference.revisions {
        let mut removed = BTreeMap::<u64, usize>::new();
        let of_lease = events.iter().filter(|event| event.current.is_none() && event.key.starts_with(b"/lease/"));
        of_lease
            .filter_map(|event| event.previous.as_ref())
            .for_each(|before| *removed.entry(before.lease).or_default() += 1);
        let apart = removed.into_iter().filter(|(_, count)| *count != TOGETHER);
        problems.extend(apart.map(|(lease, count)| {
            format!("of lease {lease}, {count} keys were removed at revision {revision}, not {TOGETHER}")
        }));
    }
    problems
}

fn early(record: &Record) -> Vec<String> {
    let removals = record.heard.iter().flat_map(|heard| heard.events.iter().map(|event| (heard.at, event)));
    let removals = removals.filter(|(_, event)| event.current.is_none() && event.key.starts_with(b"/lease/"));
    let early = removals.filter_map(|(at, event)| {
        let id = event.previous.as_ref()?.lease;
        let lease = record.leases.get(&id).filter(|lease| !lease.given_up)?;
        let lived = at.saturating_sub(lease.asked);
        (lived < lease.ttl).then(|| format!("lease {id} of {:?} ended after {lived:?}", lease.ttl))
    });
    early.collect()
}
