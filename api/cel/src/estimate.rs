//! What an expression costs at least, if what it loops over is as large as it can be.

use crate::evaluate::{Code, Op};

impl Code {
    /// Steps, where loops go as often as what they are over can have items; once where that is not known. Constants and logic
    /// are free, and so is the length of texts: the budget of an evaluation counts what an estimate leaves out.
    pub(crate) fn cost(&self) -> u64 {
        match self.0.as_ref() {
            Op::Constant(_) => 0,
            Op::And(_) | Op::Or(_) | Op::If(_) => self.below(),
            Op::Loop(of) => {
                let body = of.filter.iter().chain(&of.result).map(Self::cost).fold(1, u64::saturating_add);
                of.over.cost().saturating_add(body.saturating_mul(of.size.unwrap_or(1)))
            }
            _ => self.below().saturating_add(1),
        }
    }

    fn below(&self) -> u64 {
        self.children().into_iter().map(Self::cost).fold(0, u64::saturating_add)
    }
}
