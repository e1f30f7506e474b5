//! Rolls a Deployment's pods from one template to the next by scaling ReplicaSets, one for each template.
//!
//! One look at the world gives at most one step; the next step follows when the world shows this one. The order:
//!
//! ```text
//!  adopt or release ReplicaSets ─▶ number the revisions (revision.rs) ─▶ paused or resized: scale in proportion
//!  (scale.rs) ─▶ Recreate (recreate.rs) or RollingUpdate (rolling.rs) ─▶ drop old history (history.rs)
//! ```
//!
//! and, whenever it does not change the Deployment itself, report (status.rs, progress.rs).

mod history;
mod new_set;
mod progress;
mod recreate;
mod revision;
mod rolling;
mod rollout;
mod scale;
mod status;

use std::collections::BTreeSet;

use crate::action::{Action, Outcome};
use crate::claim::claim;
use crate::controller::{Controller, Key};
use crate::resource::{ObjectRef, Resource};
use crate::time::Moment;
use crate::world::{Entry, Transition, World};
use rollout::Rollout;

pub(crate) const COMPONENT: &str = "deployment-controller";

pub(crate) fn interest(world: &World, change: &Transition<'_>, keys: &mut BTreeSet<Key>) {
    match change.object.resource {
        Resource::DEPLOYMENTS if change.after.is_some() => {
            keys.insert(Key::new(Controller::Deployment, change.object.clone()));
        }
        Resource::REPLICA_SETS => change.sides().for_each(|set| deployments_of_set(world, set, keys)),
        // Recreate waits for the last old pod to be gone.
        Resource::PODS if change.after.is_none() => change.sides().for_each(|pod| deployment_of_pod(world, pod, keys)),
        _ => {}
    }
}

fn deployments_of_set(world: &World, set: &Entry, keys: &mut BTreeSet<Key>) {
    let mut add = |owner: &Entry| keys.insert(Key::new(Controller::Deployment, owner.reference.clone()));
    if let Some(uid) = set.controller_uid() {
        world.by_uid(uid).filter(|owner| owner.reference.resource == Resource::DEPLOYMENTS).map(add);
        return;
    }
    for deployment in world.in_namespace(Resource::DEPLOYMENTS, &set.reference.namespace) {
        if deployment.facts.selector().is_some_and(|selector| selector.matches(&set.meta().labels)) {
            add(deployment);
        }
    }
}

fn deployment_of_pod(world: &World, pod: &Entry, keys: &mut BTreeSet<Key>) {
    let set = pod.controller_uid().and_then(|uid| world.by_uid(uid));
    if let Some(set) = set.filter(|set| set.reference.resource == Resource::REPLICA_SETS) {
        deployments_of_set(world, set, keys);
    }
}

pub(crate) fn reconcile(world: &World, object: &ObjectRef, now: Moment) -> Outcome {
    let Some(entry) = world.get(object) else { return Outcome::default() };
    let Some(selector) = entry.facts.selector() else { return Outcome::default() };
    let claimed = claim(world, entry, selector, Resource::REPLICA_SETS);
    let Some(rollout) = Rollout::read(world, entry, &claimed.owned) else { return Outcome::default() };
    if !claimed.actions.is_empty() {
        return Outcome::of(claimed.actions);
    }
    let actions = if entry.is_deleting() { Vec::new() } else { step(&rollout) };
    let touches_itself =
        actions.iter().any(|action| matches!(action, Action::Patch { target, .. } if target.object == *object));
    let mut outcome = Outcome::of(actions);
    if !touches_itself {
        status::report(&rollout, now, &mut outcome);
    }
    outcome
}

/// The next step; none if all is as it should be.
fn step(rollout: &Rollout<'_>) -> Vec<Action> {
    let steps: [fn(&Rollout<'_>) -> Vec<Action>; 4] = [revision::number, scale::resize, advance, history::clean_up];
    steps.iter().map(|step| step(rollout)).find(|actions| !actions.is_empty()).unwrap_or_default()
}

/// The next step of the roll-over itself. A paused Deployment stays where it is.
fn advance(rollout: &Rollout<'_>) -> Vec<Action> {
    if rollout.paused() {
        return Vec::new();
    }
    if rollout.recreates() { recreate::advance(rollout) } else { rolling::advance(rollout) }
}
