//! Fills in the rules of ClusterRoles that are the sum of others: of all that the selectors of their `aggregationRule` choose, by
//! name.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use xebec_api::value::list;

use crate::action::{Action, Outcome};
use crate::controller::{Controller, Key};
use crate::resource::{ObjectRef, Resource};
use crate::world::{Entry, Transition, World};

/// There are some dozens of ClusterRoles, and they change seldom: a change of one concerns every sum.
pub(crate) fn interest(world: &World, change: &Transition<'_>, keys: &mut BTreeSet<Key>) {
    if change.object.resource != Resource::CLUSTER_ROLES {
        return;
    }
    let sums = world.all(Resource::CLUSTER_ROLES).filter(|entry| !entry.facts.summed().is_empty());
    keys.extend(sums.map(|entry| {
        let name = ObjectRef::cluster(Resource::CLUSTER_ROLES, &entry.meta().name);
        Key::new(Controller::ClusterRoleAggregation, name)
    }));
}

pub(crate) fn reconcile(world: &World, object: &ObjectRef) -> Outcome {
    let Some(entry) = world.get(object).filter(|entry| !entry.is_deleting()) else { return Outcome::default() };
    let selectors = entry.facts.summed();
    if selectors.is_empty() {
        return Outcome::default();
    }
    let is_part = |part: &&Entry| {
        let chosen = selectors.iter().any(|selector| selector.matches(&part.meta().labels));
        chosen && part.meta().name != entry.meta().name
    };
    let mut rules: Vec<Value> = Vec::new();
    for part in world.all(Resource::CLUSTER_ROLES).filter(is_part) {
        for rule in list(&part.object.to_value(), "/rules") {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
    }
    if list(&entry.object.to_value(), "/rules") == rules {
        return Outcome::default();
    }
    Outcome::of(vec![Action::Patch { target: entry.exactly(), status: false, patch: json!({ "rules": rules }) }])
}
