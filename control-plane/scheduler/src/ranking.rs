//! The nodes that fit one demand, best first.
//!
//! Placements within a batch are logged as the ids of the nodes they changed. A ranking remembers how much of that log
//! it has seen, and before it answers looks again only at nodes in the part it has not.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::demand::Demand;
use crate::snapshot::{NodeId, Snapshot};
use crate::{filter, score};

pub(crate) struct Ranking {
    order: BTreeSet<(Reverse<i64>, NodeId)>,
    scores: Vec<Option<i64>>,
    seen: usize,
}

impl Ranking {
    pub(crate) fn new(demand: &Demand, snapshot: &Snapshot, seen: usize) -> Self {
        let mut ranking = Self { order: BTreeSet::new(), scores: Vec::new(), seen };
        for (id, _) in snapshot.candidates() {
            ranking.rank(demand, snapshot, id);
        }
        ranking
    }

    /// The best node, after taking in the part of the log not seen yet.
    pub(crate) fn best(&mut self, demand: &Demand, snapshot: &Snapshot, log: &[NodeId]) -> Option<NodeId> {
        for &id in &log[self.seen..] {
            self.rank(demand, snapshot, id);
        }
        self.seen = log.len();
        self.order.first().map(|(_, id)| *id)
    }

    fn rank(&mut self, demand: &Demand, snapshot: &Snapshot, id: NodeId) {
        if self.scores.len() <= id {
            self.scores.resize(id + 1, None);
        }
        if let Some(old) = self.scores[id].take() {
            self.order.remove(&(Reverse(old), id));
        }
        let node = snapshot.node(id);
        if filter::fits(demand, node) {
            let score = score::score(demand, node);
            self.scores[id] = Some(score);
            self.order.insert((Reverse(score), id));
        }
    }
}
