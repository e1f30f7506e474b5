//! Cpu and memory should be taken in like measure, so that neither is left over without the other.

use super::{MAX, Question};

pub(super) fn score(question: &Question<'_>) -> i64 {
    let (cpu, memory) = question.taken;
    MAX - (cpu - memory).abs() / 2
}
