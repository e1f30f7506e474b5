//! What an evaluation may cost.

use crate::EvaluationError;

/// How much work evaluations may still do, in units: one is a step, or ten bytes of text looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct Budget {
    left: u64,
}

/// Bytes of text that cost one unit.
const BYTES: usize = 10;

impl Budget {
    /// So many units.
    pub fn new(units: u64) -> Self {
        Self { left: units }
    }

    /// What is left.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Whether all is used up; whatever is asked next fails.
    pub fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Takes units away; all that is left, and an error, if there are not so many.
    pub fn take(&mut self, units: u64) -> Result<(), EvaluationError> {
        if units > self.left {
            self.left = 0;
            return Err(EvaluationError::OutOfBudget);
        }
        self.left -= units;
        Ok(())
    }

    /// Takes what `count` items cost.
    pub fn take_items(&mut self, count: usize) -> Result<(), EvaluationError> {
        self.take(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// Takes what `bytes` of text cost.
    pub fn take_bytes(&mut self, bytes: usize) -> Result<(), EvaluationError> {
        self.take_items(bytes.div_ceil(BYTES))
    }

    /// A part of the budget, of at most `units`: what is used of it counts against both once it is [returned](Self::settle).
    pub fn part(&self, units: u64) -> Self {
        Self::new(units.min(self.left))
    }

    /// Takes what a [part](Self::part) of at most `units` used.
    pub fn settle(&mut self, units: u64, part: &Self) {
        let granted = units.min(self.left);
        self.left -= granted.saturating_sub(part.left);
    }
}
