//! Revisions never go back: neither on a member while it lives, nor in what one client reads, nor from what one client was told
//! to what another one is told who asked later.

use std::collections::BTreeMap;

use xebec_store::kv::Revision;

use super::reference::Reference;
use crate::record::{Ask, Call, Record, Told};

pub(super) fn check(record: &Record, _reference: &Reference) -> Vec<String> {
    let mut problems = on_members(record);
    problems.extend(between_clients(record));
    problems.extend(of_one_client(record));
    problems
}

fn on_members(record: &Record) -> Vec<String> {
    let mut last = BTreeMap::new();
    let back = record.samples.iter().filter_map(|sample| {
        let before = last.insert((sample.member, sample.life), sample.revision)?;
        (before > sample.revision)
            .then(|| format!("member {} went from {before} to {}", sample.member, sample.revision))
    });
    back.collect()
}

/// Only of writes and of reads that promise it.
fn told(call: &Call) -> Option<Revision> {
    match (&call.ask, &call.told) {
        (Ask::Peek { .. }, _) => None,
        (_, Told::Done { revision, .. } | Told::Differs { revision, .. } | Told::Read { revision, .. }) => {
            Some(*revision)
        }
        _ => None,
    }
}

/// A client asks one member, and sees it go forward in whatever it reads there.
fn of_one_client(record: &Record) -> Vec<String> {
    let mut last = BTreeMap::new();
    let back = record.calls.iter().filter_map(|call| {
        let Told::Read { revision, .. } = call.told else { return None };
        let before = last.insert(call.client, revision)?;
        (before > revision).then(|| format!("the same client had read revision {before}: {call:?}"))
    });
    back.collect()
}

fn between_clients(record: &Record) -> Vec<String> {
    let mut answers: Vec<(u64, Revision)> =
        record.calls.iter().filter_map(|call| Some((call.ended, told(call)?))).collect();
    answers.sort_unstable();
    let (mut answered, mut newest) = (answers.iter().peekable(), 0);
    let back = record.calls.iter().filter_map(|call| {
        while let Some((_, revision)) = answered.next_if(|(ended, _)| *ended < call.begun) {
            newest = newest.max(*revision);
        }
        let revision = told(call)?;
        (revision < newest).then(|| format!("revision {newest} had been told before: {call:?}"))
    });
    back.collect()
}
