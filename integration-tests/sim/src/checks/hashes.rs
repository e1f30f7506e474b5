//! Members that have applied the same entries have the same state.

use std::collections::BTreeMap;

use super::reference::Reference;
use crate::record::Record;

pub(super) fn check(record: &Record, _reference: &Reference) -> Vec<String> {
    let mut hashes = BTreeMap::new();
    let differ = record.samples.iter().filter_map(|sample| {
        let (other, hash) = *hashes.entry(sample.index).or_insert((sample.member, sample.hash));
        let (index, member) = (sample.index, sample.member);
        (hash != sample.hash).then(|| format!("members {other} and {member} differ after entry {index}"))
    });
    differ.collect()
}
