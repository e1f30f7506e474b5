//! All members apply the same changes at the same revision, one revision after the other, in each of their lives.

use std::collections::BTreeMap;

use super::reference::Reference;
use crate::record::Record;

pub(super) fn check(record: &Record, reference: &Reference) -> Vec<String> {
    let mut problems = Vec::new();
    let mut last = BTreeMap::new();
    for heard in &record.heard {
        let (member, life) = (heard.member, heard.life);
        let Some(revision) = heard.events.first().map(|event| event.revision) else {
            if last.insert((member, life), heard.revision).is_some_and(|before| before > heard.revision) {
                problems
                    .push(format!("member {member} got a state older than its own, of revision {}", heard.revision));
            }
            continue;
        };
        let before = last.insert((member, life), revision);
        if before.is_some_and(|before| before + 1 != revision) {
            problems.push(format!("member {member} applied revision {revision} after {}", before.unwrap_or_default()));
        }
        if reference.revisions.get(&revision) != Some(&heard.events) {
            problems.push(format!("member {member} has other changes at revision {revision} than another one"));
        }
    }
    problems.extend(holes(reference));
    problems
}

fn holes(reference: &Reference) -> Vec<String> {
    let revisions: Vec<_> = reference.revisions.keys().copied().collect();
    let gaps = revisions.windows(2).filter(|pair| pair[0] + 1 != pair[1]);
    gaps.map(|pair| format!("nobody applied anything between revisions {} and {}", pair[0], pair[1])).collect()
}
