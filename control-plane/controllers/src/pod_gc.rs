//! Removes pods that no node will ever report on again: those bound to a node that does not exist, and those that were
//! to stop on a node that is lost.
//!
//! The second is a choice between two harms. Such a pod would stay in the API until its node comes back; removing it
//! gives up knowing that it has stopped. For pods that are one of many that is right. A pod with an identity of its own
//! (a StatefulSet's) must not run twice, so it is removed only when somebody says with the taint
//! `node.kubernetes.io/out-of-service` that the node is down for good.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::action::{Action, Outcome};
use crate::controller::{Controller, Key};
use crate::resource::{ObjectRef, Resource};
use crate::time::{Moment, parse};
use crate::world::{Entry, NodeFacts, Readiness, Transition, World};

const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
/// A node that registers again within this time finds its pods as it left them.
const MISSING_GRACE: Duration = Duration::from_secs(10);
/// After the end of a pod's own grace; covers what node and leader may be apart in time.
const STOP_GRACE: Duration = Duration::from_secs(5);

pub(crate) fn interest(world: &World, change: &Transition<'_>, keys: &mut BTreeSet<Key>) {
    let mut consider = |pod: &Entry| {
        if is_stranded(world, pod) {
            keys.insert(Key::new(Controller::PodGc, pod.reference.clone()));
        }
    };
    match change.object.resource {
        Resource::PODS => change.after.into_iter().for_each(consider),
        Resource::NODES => world.pods_on(&change.object.name).for_each(&mut consider),
        _ => {}
    }
}

/// Whether its node is gone, or it is to stop on one that is lost.
fn is_stranded(world: &World, pod: &Entry) -> bool {
    let Some(node) = pod.facts.pod().and_then(|facts| facts.node.as_ref()) else { return false };
    world.node(node).is_none_or(|node| pod.is_deleting() && (is_lost(node) || is_out_of_service(node)))
}

fn is_lost(node: &NodeFacts) -> bool {
    node.readiness == Readiness::Unknown
}

fn is_out_of_service(node: &NodeFacts) -> bool {
    node.taints.iter().any(|taint| taint.key == OUT_OF_SERVICE)
}

pub(crate) fn reconcile(world: &World, object: &ObjectRef, now: Moment) -> Outcome {
    let Some(pod) = world.get(object) else { return Outcome::default() };
    let Some(node) = pod.facts.pod().and_then(|facts| facts.node.clone()) else { return Outcome::default() };
    if !is_stranded(world, pod) {
        return Outcome::default();
    }
    match world.node(&node) {
        None => {
            let since = world.missing_since(&node).unwrap_or(now.uptime);
            remove_after(pod, (since + MISSING_GRACE).checked_sub(now.uptime))
        }
        Some(facts) if is_out_of_service(facts) => remove_after(pod, None),
        Some(_) if has_identity(pod) => Outcome::default(),
        Some(_) => {
            let stop_by = pod.meta().deletion_timestamp.as_deref().and_then(parse);
            remove_after(pod, stop_by.and_then(|stop_by| now.until(stop_by, STOP_GRACE)))
        }
    }
}

fn has_identity(pod: &Entry) -> bool {
    pod.meta().owner_references.iter().any(|owner| owner.controller && owner.kind == "StatefulSet")
}

fn remove_after(pod: &Entry, wait: Option<Duration>) -> Outcome {
    match wait.filter(|wait| !wait.is_zero()) {
        Some(wait) => Outcome::again_in(wait),
        None => Outcome::of(vec![Action::Delete { target: pod.anyhow(), grace_seconds: Some(0), propagation: None }]),
    }
}
