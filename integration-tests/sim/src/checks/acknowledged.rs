//! What a client was told was done is in the history, at the revision and in the place that it was told.

use xebec_store::kv::Revision;

use super::reference::Reference;
use crate::record::{Ask, Call, Key, Record, Told, Value};

pub(super) fn check(record: &Record, reference: &Reference) -> Vec<String> {
    record.calls.iter().flat_map(|call| problems(call, reference)).collect()
}

fn problems(call: &Call, reference: &Reference) -> Vec<String> {
    let Told::Done { revision, before } = &call.told else {
        return differs(call, reference).into_iter().collect();
    };
    let keys: &[Key] = match &call.ask {
        Ask::Put { keys, .. } => keys,
        Ask::Delete { key } | Ask::Swap { key, .. } => std::slice::from_ref(key),
        Ask::Get { .. } | Ask::Peek { .. } => return Vec::new(),
    };
    let found = keys.iter().enumerate().filter_map(|(at, key)| {
        let told = told_before(&call.ask, before.get(at).copied().flatten());
        problem(call, reference, *key, *revision, told)
    });
    found.collect()
}

/// A successful comparison says what stood there.
fn told_before(ask: &Ask, answered: Option<Value>) -> Option<Value> {
    match ask {
        Ask::Swap { expected, .. } => Some(*expected),
        _ => answered,
    }
}

fn problem(call: &Call, reference: &Reference, key: Key, revision: Revision, before: Option<Value>) -> Option<String> {
    let wanted = match &call.ask {
        Ask::Put { value, .. } | Ask::Swap { value, .. } => Some(Some(*value)),
        // A key that was not there is not removed: nothing happened.
        Ask::Delete { .. } if before.is_none() => {
            let there = reference.value_at(key, revision);
            return there.map(|value| format!("key {key} was not there at {revision}, but it was {value}: {call:?}"));
        }
        _ => Some(None),
    };
    let found = reference.change(key, revision);
    if found != wanted {
        return Some(format!("acknowledged and lost: history has {found:?} for key {key} at {revision}: {call:?}"));
    }
    let stood = reference.value_at(key, revision - 1);
    (stood != before).then(|| format!("key {key} stood at {stood:?} before {revision}, told was {before:?}: {call:?}"))
}

fn differs(call: &Call, reference: &Reference) -> Option<String> {
    let (Ask::Swap { key, .. }, Told::Differs { revision, found }) = (&call.ask, &call.told) else { return None };
    let stood = reference.value_at(*key, *revision);
    (stood != *found).then(|| format!("key {key} stood at {stood:?} at {revision}: {call:?}"))
}
