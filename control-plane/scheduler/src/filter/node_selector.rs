//! Node selector and required node affinity: the node's labels (and name) must satisfy both.

use std::collections::BTreeMap;

use super::{Question, object};
use crate::decision::Reason;
use crate::demand::{Requirement, RequirementOperator, SelectorTerm};

pub(super) fn check(question: &Question<'_>) -> Vec<Reason> {
    let labels = &question.offer.labels;
    let selected = question.demand.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value));
    let affine = match &question.demand.affinity {
        None => true,
        Some(terms) => terms.iter().any(|term| term_matches(term, labels, &question.node.name)),
    };
    object(!(selected && affine), Reason::Selector)
}

/// A term without any requirement matches nothing.
fn term_matches(term: &SelectorTerm, labels: &BTreeMap<String, String>, name: &str) -> bool {
    let empty = term.labels.is_empty() && term.fields.is_empty();
    let labels_match = term.labels.iter().all(|r| satisfied(r, labels.get(&r.key).map(String::as_str)));
    let field = |key: &str| (key == "metadata.name").then_some(name);
    let fields_match = term.fields.iter().all(|r| satisfied(r, field(&r.key)));
    !empty && labels_match && fields_match
}

fn satisfied(requirement: &Requirement, value: Option<&str>) -> bool {
    let listed = value.is_some_and(|value| requirement.values.iter().any(|v| v == value));
    match requirement.operator {
        RequirementOperator::In => listed,
        RequirementOperator::NotIn => !listed,
        RequirementOperator::Exists => value.is_some(),
        RequirementOperator::DoesNotExist => value.is_none(),
        RequirementOperator::Gt => compare(requirement, value).is_some_and(|(value, bound)| value > bound),
        RequirementOperator::Lt => compare(requirement, value).is_some_and(|(value, bound)| value < bound),
        RequirementOperator::Unknown => false,
    }
}

fn compare(requirement: &Requirement, value: Option<&str>) -> Option<(i64, i64)> {
    Some((value?.parse().ok()?, requirement.values.first()?.parse().ok()?))
}
