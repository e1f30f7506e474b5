//! Notices that a node is lost, keeps pods away from it, replaces those it had, and welcomes it back.
//!
//! ```text
//!  silent for the grace ─▶ conditions Unknown (status.rs) ─▶ taints unreachable (taints.rs) ─▶ pods evicted (evict.rs)
//!                              └▶ its pods are not Ready any more, so no Service sends to them
//!  heard again ─▶ those conditions go (status.rs) ─▶ the node's session reports its own ─▶ taints go
//! ```
//!
//! Whether a node is lost is for the leader alone to say, by what it hears itself: it makes the conditions Unknown, and it
//! takes that back. The session that writes the node's reports may be another master's, which leaves Unknown conditions
//! alone. So a node that only the others hear is lost, and its state does not flip to and fro.
//!
//! Silence is measured on the leader's uptime: a jump of the wall clock loses no node, and a new leader gives each node
//! the whole grace from its own beginning. While no node at all is ready nobody is evicted for being unreachable: then
//! it is rather us who are cut off, and there is no better place anyway.

mod evict;
mod status;
mod taints;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::action::Outcome;
use crate::controller::{Controller, Key};
use crate::resource::{ObjectRef, Resource};
use crate::time::Moment;
use crate::world::{Entry, NodeFacts, Readiness, Transition, World};

pub use status::SILENT;

/// How often a node that lives is heard.
const HEARTBEAT: Duration = Duration::from_secs(1);
const COMPONENT: &str = "node-controller";

pub(crate) fn interest(world: &World, change: &Transition<'_>, keys: &mut BTreeSet<Key>) {
    match change.object.resource {
        Resource::NODES => {
            if change.after.is_some() {
                keys.insert(key(&change.object.name));
            }
            if world.is_first_ready_node(change) {
                keys.extend(world.all(Resource::NODES).map(|node| key(&node.reference.name)));
            }
        }
        Resource::PODS => {
            let node = change.after.and_then(|pod| pod.facts.pod()?.node.clone());
            let concerned = |node: &Arc<str>| world.node(node).is_some_and(|facts| !is_well(facts));
            keys.extend(node.filter(concerned).map(|node| key(&node)));
        }
        _ => {}
    }
}

fn key(node: &str) -> Key {
    Key::new(Controller::NodeLifecycle, ObjectRef::cluster(Resource::NODES, node))
}

/// Whether nothing has to be done for the pods on it.
fn is_well(facts: &NodeFacts) -> bool {
    facts.readiness == Readiness::Ready && !facts.evicts()
}

/// A node, and for how much longer it may be silent.
struct Watched<'a> {
    entry: &'a Entry,
    facts: &'a NodeFacts,
    patience: Option<Duration>,
}

pub(crate) fn reconcile(world: &World, object: &ObjectRef, now: Moment) -> Outcome {
    let Some(node) = watch(world, object, now) else { return Outcome::default() };
    let mut outcome = Outcome { actions: Vec::new(), requeue: node.patience };
    let lost = node.facts.readiness == Readiness::Unknown;
    match node.patience {
        None if !lost => outcome.actions = status::lose(&node, now),
        Some(_) if lost && world.has_heard(&object.name) => outcome.actions.push(status::find(&node)),
        Some(_) if lost => outcome.look_again(Some(HEARTBEAT)),
        _ => outcome.actions.extend(taints::settle(&node, now)),
    }
    if node.facts.readiness != Readiness::Ready || node.patience.is_none() {
        outcome.actions.extend(world.pods_on(&object.name).filter_map(|pod| status::unready(pod, now)));
    }
    if node.facts.evicts() {
        evict::evict(world, &node, now, &mut outcome);
    }
    outcome
}

fn watch<'a>(world: &'a World, object: &ObjectRef, now: Moment) -> Option<Watched<'a>> {
    let entry = world.get(object)?;
    let silence = now.uptime.saturating_sub(world.last_heard(&object.name));
    let patience = world.settings().node_monitor_grace.checked_sub(silence).filter(|left| !left.is_zero());
    Some(Watched { entry, facts: entry.facts.node()?, patience })
}
