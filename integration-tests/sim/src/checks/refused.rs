//! What a client was told was refused, with certainty, never happens.

use std::collections::BTreeMap;

use super::reference::Reference;
use crate::record::{Ask, Record, Told};

pub(super) fn check(record: &Record, reference: &Reference) -> Vec<String> {
    let put: BTreeMap<_, _> = reference.puts().map(|(revision, _, value)| (value, revision)).collect();
    let refused = record.calls.iter().filter(|call| matches!(call.told, Told::Refused(_)));
    let happened = refused.filter_map(|call| match &call.ask {
        Ask::Put { value, .. } | Ask::Swap { value, .. } => Some((call, put.get(value)?)),
        _ => None,
    });
    happened.map(|(call, revision)| format!("happened at revision {revision}: {call:?}")).collect()
}
