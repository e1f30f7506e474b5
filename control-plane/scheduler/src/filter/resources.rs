//! What is requested must be left. A resource that is not requested is not looked at, so a node that is over-full in
//! memory still takes a pod that asks for none. All shortages of a node are reported, not only the first.

use super::Question;
use crate::decision::Reason;

pub(super) fn check(question: &Question<'_>) -> Vec<Reason> {
    let (wanted, taken) = (&question.demand.requests, &question.node.requested);
    let offered = &question.offer.allocatable;
    let mut reasons = Vec::new();
    if lacks(wanted.pods, taken.pods, offered.pods) {
        reasons.push(Reason::TooManyPods);
    }
    let mut need = |resource: &str, wanted, taken, offered| {
        if lacks(wanted, taken, offered) {
            reasons.push(Reason::Insufficient { resource: resource.to_owned() });
        }
    };
    need("cpu", wanted.milli_cpu, taken.milli_cpu, offered.milli_cpu);
    need("memory", wanted.memory, taken.memory, offered.memory);
    need("ephemeral-storage", wanted.ephemeral_storage, taken.ephemeral_storage, offered.ephemeral_storage);
    for (name, amount) in &wanted.extended {
        let of = |resources: &std::collections::BTreeMap<String, i64>| resources.get(name).copied().unwrap_or(0);
        need(name, *amount, of(&taken.extended), of(&offered.extended));
    }
    reasons
}

fn lacks(wanted: i64, taken: i64, offered: i64) -> bool {
    wanted > 0 && wanted > offered.saturating_sub(taken)
}
