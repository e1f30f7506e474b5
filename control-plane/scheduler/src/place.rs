//! Placing a batch of pods.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::decision::{Decision, Unfit};
use crate::demand::Demand;
use crate::filter;
use crate::ranking::Ranking;
use crate::snapshot::{NodeId, Snapshot};

/// A pod that waits for a node.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The pod's uid.
    pub uid: &'a str,
    /// What it asks for.
    pub demand: &'a Demand,
}

/// What one batch has learnt of a class of pods.
enum Class {
    Ranked(Ranking),
    /// Within a batch room only shrinks, so what found none finds none.
    Unfit(Arc<Unfit>),
}

impl Snapshot {
    /// Decides for each pod of the batch in turn; the caller has put the most important first. A pod that gets a node
    /// counts there at once; if binding it fails, tell so with [`Snapshot::remove_pod`].
    pub fn place(&mut self, batch: &[Candidate<'_>]) -> Vec<Decision> {
        let mut log = Vec::with_capacity(batch.len());
        let mut classes = BTreeMap::new();
        batch.iter().map(|candidate| self.place_one(*candidate, &mut classes, &mut log)).collect()
    }

    fn place_one<'a>(
        &mut self,
        candidate: Candidate<'a>,
        classes: &mut BTreeMap<&'a Demand, Class>,
        log: &mut Vec<NodeId>,
    ) -> Decision {
        let class = match classes.entry(candidate.demand) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Class::Ranked(Ranking::new(candidate.demand, self, log.len()))),
        };
        let best = match class {
            Class::Unfit(unfit) => return Decision::Unfit(unfit.clone()),
            Class::Ranked(ranking) => ranking.best(candidate.demand, self, log),
        };
        let Some(id) = best else {
            let unfit = Arc::new(self.unfit(candidate.demand));
            *class = Class::Unfit(unfit.clone());
            return Decision::Unfit(unfit);
        };
        self.assume(candidate.uid, id, candidate.demand);
        log.push(id);
        Decision::Bind { node: self.node(id).name.clone() }
    }

    fn unfit(&self, demand: &Demand) -> Unfit {
        let mut unfit = Unfit::default();
        for (_, node) in self.candidates() {
            unfit.nodes += 1;
            for reason in filter::reasons(demand, node) {
                *unfit.reasons.entry(reason).or_default() += 1;
            }
        }
        unfit
    }
}
