//! What an expression costs at least, if what it loops over is as large as it can be; and how deep a value it can make.

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

    /// The levels that the value can have more than those of the variables. `locals` has those of what macros have bound.
    pub(crate) fn levels(&self, locals: &mut Vec<usize>) -> usize {
        match self.0.as_ref() {
            Op::Local(index) => locals.get(*index).copied().unwrap_or_default(),
            Op::Bind { value, body } => value.levels_with(1, &[body], locals),
            Op::OptionalMap { of, body, .. } => 1 + of.levels_with(1, &[body], locals),
            Op::Loop(of) => {
                let bodies: Vec<&Self> = of.filter.iter().chain(&of.result).collect();
                1 + of.over.levels_with(if of.two { 2 } else { 1 }, &bodies, locals)
            }
            Op::List(_) | Op::Map(_) | Op::Call { .. } => 1 + self.deepest(locals),
            _ => self.deepest(locals),
        }
    }

    /// The levels of this and of the bodies, in which this is bound to so many names.
    fn levels_with(&self, names: usize, bodies: &[&Self], locals: &mut Vec<usize>) -> usize {
        let (own, before) = (self.levels(locals), locals.len());
        locals.resize(before + names, own);
        let deepest = bodies.iter().map(|body| body.levels(locals)).fold(own, usize::max);
        locals.truncate(before);
        deepest
    }

    fn deepest(&self, locals: &mut Vec<usize>) -> usize {
        self.children().into_iter().map(|code| code.levels(locals)).fold(0, usize::max)
    }

    fn below(&self) -> u64 {
        self.children().into_iter().map(Self::cost).fold(0, u64::saturating_add)
    }
}
