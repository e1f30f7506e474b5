//! May a pod run on a node? One rule a file. A new rule is a file here and a row in [`RULES`].

mod host_ports;
mod node_name;
mod node_ready;
mod node_selector;
mod resources;
mod taints;
mod unschedulable;

use crate::decision::Reason;
use crate::demand::Demand;
use crate::node::{NodeState, Offer};

/// A node with a Node object, and the pod that asks for it.
pub struct Question<'a> {
    /// What the pod asks for.
    pub demand: &'a Demand,
    /// The node and what is taken of it.
    pub node: &'a NodeState,
    /// What the node offers.
    pub offer: &'a Offer,
}

/// A rule: the reasons against, empty if there is none.
pub type Rule = fn(&Question<'_>) -> Vec<Reason>;

/// The rules, cheap and decisive first. The first that objects gives the reasons.
pub const RULES: &[Rule] = &[
    unschedulable::check,
    node_name::check,
    node_ready::check,
    taints::check,
    node_selector::check,
    host_ports::check,
    resources::check,
];

/// Whether no rule objects.
pub fn fits(demand: &Demand, node: &NodeState) -> bool {
    node.offer.as_ref().is_some_and(|offer| {
        let question = Question { demand, node, offer };
        RULES.iter().all(|rule| rule(&question).is_empty())
    })
}

/// The reasons of the first rule that objects.
pub fn reasons(demand: &Demand, node: &NodeState) -> Vec<Reason> {
    let Some(offer) = &node.offer else { return Vec::new() };
    let question = Question { demand, node, offer };
    RULES.iter().map(|rule| rule(&question)).find(|reasons| !reasons.is_empty()).unwrap_or_default()
}

/// One reason if `objects`.
fn object(objects: bool, reason: Reason) -> Vec<Reason> {
    if objects { vec![reason] } else { Vec::new() }
}
