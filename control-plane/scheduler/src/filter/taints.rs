//! Every taint that keeps pods away must be tolerated. The first that is not gives the reason.

use super::Question;
use crate::decision::Reason;

pub(super) fn check(question: &Question<'_>) -> Vec<Reason> {
    let demand = question.demand;
    let unwanted = question.offer.taints.iter().find(|t| !demand.tolerates(&t.key, &t.value, &t.effect));
    unwanted.map(|t| Reason::Taint { key: t.key.clone(), value: t.value.clone() }).into_iter().collect()
}
