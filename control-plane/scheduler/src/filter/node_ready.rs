//! A node that is not ready takes only pods that would tolerate its being so. The node lifecycle controller says the
//! same with a taint; this rule covers the moments before the taint is there, and a node that has never been ready.

use super::{Question, object};
use crate::decision::Reason;

const TAINT: &str = "node.kubernetes.io/not-ready";

pub(super) fn check(question: &Question<'_>) -> Vec<Reason> {
    let accepted = question.offer.ready || question.demand.tolerates(TAINT, "", "NoSchedule");
    let tainted = question.offer.taints.iter().any(|t| t.key.starts_with("node.kubernetes.io/"));
    object(!accepted && !tainted, Reason::NotReady)
}
