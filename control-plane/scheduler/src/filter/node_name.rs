//! A pod that names a node goes nowhere else.

use super::{Question, object};
use crate::decision::Reason;

pub(super) fn check(question: &Question<'_>) -> Vec<Reason> {
    let elsewhere = question.demand.node_name.as_deref().is_some_and(|name| name != &*question.node.name);
    object(elsewhere, Reason::NodeName)
}
