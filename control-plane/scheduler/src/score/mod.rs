//! How well would a pod sit on a node? One rule a file, each from 0 (badly) to [`MAX`] (well).
//!
//! A score may depend on the demand and this one node only: the ranking of a batch looks again at nothing else.

mod balanced;
mod least_allocated;
mod spread;

use crate::demand::Demand;
use crate::node::{NodeState, Offer};

/// The best score of a rule.
pub const MAX: i64 = 10_000;

/// A rule and its weight. Spreading counts double: losing one node should cost a workload as few pods as possible, and
/// that matters more than how evenly the nodes are filled.
const RULES: &[(Rule, i64)] = &[(least_allocated::score, 1), (balanced::score, 1), (spread::score, 2)];

/// A node that fits, as it would be with the pod on it.
struct Question<'a> {
    demand: &'a Demand,
    node: &'a NodeState,
    /// Parts per [`MAX`] of cpu and memory that would be taken.
    taken: (i64, i64),
}

type Rule = fn(&Question<'_>) -> i64;

/// The weighted sum over the rules.
pub fn score(demand: &Demand, node: &NodeState) -> i64 {
    let Some(offer) = &node.offer else { return 0 };
    let question = Question { demand, node, taken: taken(demand, node, offer) };
    RULES.iter().map(|(rule, weight)| weight * rule(&question)).sum()
}

fn taken(demand: &Demand, node: &NodeState, offer: &Offer) -> (i64, i64) {
    let wanted = demand.requests.assumed();
    (
        share(node.assumed.0 + wanted.milli_cpu, offer.allocatable.milli_cpu),
        share(node.assumed.1.saturating_add(wanted.memory), offer.allocatable.memory),
    )
}

fn share(taken: i64, offered: i64) -> i64 {
    if offered <= 0 {
        return MAX;
    }
    let share = i128::from(taken) * i128::from(MAX) / i128::from(offered);
    i64::try_from(share.clamp(0, i128::from(MAX))).expect("clamped to the range of scores")
}
