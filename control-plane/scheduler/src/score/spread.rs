//! Pods of one owner, or behind one service, should sit on different nodes. The first of a group on a node counts most:
//! the score halves with the first, and falls more slowly with each further one.

use super::{MAX, Question};

pub(super) fn score(question: &Question<'_>) -> i64 {
    MAX / (1 + i64::from(question.node.in_group(question.demand.group)))
}
