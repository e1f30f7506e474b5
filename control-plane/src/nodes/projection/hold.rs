//! Terminating pods that still get traffic: their nodes are not told yet.
//!
//! A pod that is asked to go may be an endpoint of services. Until every node has taken it out of its rules, its containers
//! must go on answering; so the word to stop is held back until all nodes have acknowledged the change of the endpoints, or
//! [`LONGEST`] has passed. Rolling updates and drains lose no request by it, and a node that is stuck delays nobody for long.

use std::collections::BTreeMap;

use super::Acknowledged;
use super::pods::PodKey;

/// A moment, in milliseconds of any clock that only goes forward.
pub(in crate::nodes) type Millis = u64;

/// Longer, and a stuck node makes every rollout slow; shorter, and a slow one loses requests.
const LONGEST: Millis = 2_000;

struct Hold {
    node: String,
    since: Millis,
    /// The generation in which the pod ceased to be an endpoint, once it has.
    left: Option<u64>,
}

/// All pods that are held back.
#[derive(Default)]
pub(super) struct Holds {
    pods: BTreeMap<PodKey, Hold>,
}

impl Holds {
    pub(super) fn hold(&mut self, pod: PodKey, node: String, now: Millis) {
        self.pods.entry(pod).or_insert(Hold { node, since: now, left: None });
    }

    pub(super) fn holds(&self, pod: &PodKey) -> bool {
        self.pods.contains_key(pod)
    }

    pub(super) fn forget(&mut self, pod: &PodKey) {
        self.pods.remove(pod);
    }

    /// The node is told everything anew.
    pub(super) fn forget_node(&mut self, node: &str) {
        self.pods.retain(|_, hold| hold.node != node);
    }

    /// The endpoints have changed.
    pub(super) fn network_changed(&mut self, generation: u64, serves: impl Fn(&str, &str) -> bool) {
        for ((namespace, name), hold) in &mut self.pods {
            hold.left = if serves(namespace, name) { None } else { hold.left.or(Some(generation)) };
        }
    }

    /// Ends the holds that have no reason any more.
    pub(super) fn release(
        &mut self,
        now: Millis,
        acknowledged: &dyn Acknowledged,
        serves: impl Fn(&str, &str) -> bool,
    ) -> Vec<PodKey> {
        let over = |(namespace, name): &PodKey, hold: &Hold| {
            let out = hold.left.is_some_and(|generation| acknowledged.by_all(generation));
            now.saturating_sub(hold.since) >= LONGEST || (out && !serves(namespace, name))
        };
        let done: Vec<PodKey> =
            self.pods.iter().filter(|(pod, hold)| over(pod, hold)).map(|(pod, _)| pod.clone()).collect();
        done.iter().for_each(|pod| drop(self.pods.remove(pod)));
        done
    }

    pub(super) fn next_deadline(&self) -> Option<Millis> {
        self.pods.values().map(|hold| hold.since + LONGEST).min()
    }
}
