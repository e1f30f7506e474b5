//! A cordoned node takes only pods that tolerate the taint that stands for cordoning.

use super::{Question, object};
use crate::decision::Reason;

const TAINT: &str = "node.kubernetes.io/unschedulable";

pub(super) fn check(question: &Question<'_>) -> Vec<Reason> {
    let cordoned = question.offer.unschedulable && !question.demand.tolerates(TAINT, "", "NoSchedule");
    object(cordoned, Reason::Unschedulable)
}
