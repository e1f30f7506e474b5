//! Which replicas go first when there are too many: those that are missed least.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Replica;
use crate::time::parse;

/// The first `count` to go.
pub(super) fn first_to_go(mut active: Vec<Replica<'_>>, count: usize) -> Vec<Replica<'_>> {
    if count == 0 {
        return Vec::new();
    }
    if count < active.len() {
        let crowd = crowding(&active);
        active.sort_by_cached_key(|pod| rank(pod, &crowd));
        active.truncate(count);
    }
    active
}

/// Ready pods of the set on each node.
fn crowding(active: &[Replica<'_>]) -> BTreeMap<String, usize> {
    let mut crowd = BTreeMap::new();
    for pod in active.iter().filter(|pod| pod.facts.ready) {
        *crowd.entry(node(pod)).or_default() += 1;
    }
    crowd
}

fn node(pod: &Replica<'_>) -> String {
    pod.facts.node.as_deref().unwrap_or_default().to_owned()
}

/// Sorts by: unbound first; Pending, then Unknown, then Running; not ready; cheap to delete; on a node with more of the
/// set; ready for a shorter time; more restarts; younger; and last by name, so that the order is one.
fn rank(pod: &Replica<'_>, crowd: &BTreeMap<String, usize>) -> impl Ord + use<> {
    let facts = pod.facts;
    let crowded = crowd.get(&node(pod)).copied().unwrap_or(0);
    let created = pod.entry.meta().creation_timestamp.as_deref().and_then(parse);
    let certain = (facts.node.is_some(), facts.phase, facts.ready, facts.deletion_cost);
    let ready_since = facts.ready.then_some(facts.ready_since).flatten();
    let history = (Reverse(ready_since), Reverse(facts.restarts), Reverse(created));
    (certain, Reverse(crowded), history, pod.entry.reference.name.clone())
}
