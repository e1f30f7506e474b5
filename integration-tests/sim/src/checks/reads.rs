//! A read, at whatever member, shows a state that was: the key as it stood at the revision that came with it.

use super::reference::Reference;
use crate::record::{Ask, Record, Told};

pub(super) fn check(record: &Record, reference: &Reference) -> Vec<String> {
    let wrong = record.calls.iter().filter_map(|call| match (&call.ask, &call.told) {
        (Ask::Get { key } | Ask::Peek { key }, Told::Read { revision, value }) => {
            let stood = reference.value_at(*key, *revision);
            (stood != *value).then(|| format!("key {key} stood at {stood:?}: {call:?}"))
        }
        _ => None,
    });
    wrong.collect()
}
