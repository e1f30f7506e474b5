//! The emptier the node, the better: the mean of what would be left of cpu and memory.

use super::{MAX, Question};

pub(super) fn score(question: &Question<'_>) -> i64 {
    let (cpu, memory) = question.taken;
    MAX - (cpu + memory) / 2
}
