//! Macros over lists and maps.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{CodeLoop, Evaluated, Evaluator};
use crate::ast::LoopKind;
use crate::{EvaluationError, Key, Map, Value};

/// One turn: what the names stand for.
struct Turn {
    first: Value,
    /// The value beside an index or key.
    second: Value,
}

/// What a loop is over, turn by turn, without copying it.
enum Range {
    List(Arc<[Value]>),
    Map(Arc<Map>),
}

impl Range {
    fn of(value: Value) -> Result<Self, EvaluationError> {
        match value {
            Value::List(items) => Ok(Self::List(items)),
            Value::Map(entries) => Ok(Self::Map(entries)),
            other => Err(EvaluationError::NoSuchOverload(format!("cannot iterate over {}", other.type_name()))),
        }
    }

    fn turns(&self) -> Box<dyn Iterator<Item = Turn> + '_> {
        match self {
            Self::List(items) => Box::new(items.iter().enumerate().map(|(index, item)| Turn {
                first: Value::Int(i64::try_from(index).unwrap_or(i64::MAX)),
                second: item.clone(),
            })),
            Self::Map(entries) => {
                Box::new(entries.iter().map(|(key, value)| Turn { first: key.value(), second: value.clone() }))
            }
        }
    }

    /// What the only name stands for: the item of a list, the key of a map.
    fn single<'a>(&self, turn: &'a Turn) -> &'a Value {
        if matches!(self, Self::List(_)) { &turn.second } else { &turn.first }
    }
}

impl Evaluator<'_> {
    pub(super) fn a_loop(&mut self, code: &CodeLoop) -> Evaluated {
        let over = self.run(&code.over)?;
        let range = Range::of(over)?;
        let before = self.locals.len();
        let out = match code.kind {
            LoopKind::All => self.decide(code, &range, false),
            LoopKind::Exists => self.decide(code, &range, true),
            LoopKind::ExistsOne => self.exists_one(code, &range),
            LoopKind::List => self.listed(code, &range),
            LoopKind::Map => self.mapped(code, &range),
            LoopKind::Entries => self.entered(code, &range),
            LoopKind::Sort => self.sort(code, &range),
        };
        self.locals.truncate(before);
        out
    }

    /// Binds the names of a turn, in place of those of the turn before.
    fn enter(&mut self, code: &CodeLoop, range: &Range, turn: &Turn, base: usize) -> Result<(), EvaluationError> {
        self.budget.take(1)?;
        self.locals.truncate(base);
        if code.two {
            self.locals.push(turn.first.clone());
            self.locals.push(turn.second.clone());
        } else {
            self.locals.push(range.single(turn).clone());
        }
        Ok(())
    }

    fn passes(&mut self, code: &CodeLoop) -> Result<bool, EvaluationError> {
        code.filter.as_ref().map_or(Ok(true), |filter| self.flag(filter))
    }

    fn decide(&mut self, code: &CodeLoop, range: &Range, deciding: bool) -> Evaluated {
        let base = self.locals.len();
        let mut failed = None;
        for turn in range.turns() {
            self.enter(code, range, &turn, base)?;
            match self.passes(code) {
                Ok(flag) if flag == deciding => return Ok(Value::Bool(deciding)),
                Ok(_) => {}
                Err(EvaluationError::OutOfBudget) => return Err(EvaluationError::OutOfBudget),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(Value::Bool(!deciding)), Err)
    }

    fn exists_one(&mut self, code: &CodeLoop, range: &Range) -> Evaluated {
        let base = self.locals.len();
        let mut count = 0_usize;
        for turn in range.turns() {
            self.enter(code, range, &turn, base)?;
            count += usize::from(self.passes(code)?);
        }
        Ok(Value::Bool(count == 1))
    }

    /// What becomes of a turn, if it passes.
    fn result(&mut self, code: &CodeLoop, otherwise: &Value) -> Result<Option<Value>, EvaluationError> {
        if !self.passes(code)? {
            return Ok(None);
        }
        match &code.result {
            Some(result) => self.run(result).map(Some),
            None => Ok(Some(otherwise.clone())),
        }
    }

    fn listed(&mut self, code: &CodeLoop, range: &Range) -> Evaluated {
        let base = self.locals.len();
        let mut items = Vec::new();
        for turn in range.turns() {
            self.enter(code, range, &turn, base)?;
            items.extend(self.result(code, range.single(&turn))?);
        }
        Ok(Value::List(items.into()))
    }

    fn mapped(&mut self, code: &CodeLoop, range: &Range) -> Evaluated {
        let base = self.locals.len();
        let mut entries = Map::new();
        for turn in range.turns() {
            self.enter(code, range, &turn, base)?;
            if let Some(value) = self.result(code, &turn.second)? {
                let key = Key::of(&turn.first).ok_or_else(|| EvaluationError::invalid("unsupported key type"))?;
                entries.insert(key, value);
            }
        }
        Ok(Value::Map(Arc::new(entries)))
    }

    fn entered(&mut self, code: &CodeLoop, range: &Range) -> Evaluated {
        let base = self.locals.len();
        let mut entries = Map::new();
        for turn in range.turns() {
            self.enter(code, range, &turn, base)?;
            let Some(made) = self.result(code, &turn.second)? else { continue };
            let Value::Map(made) = made else {
                return Err(EvaluationError::NoSuchOverload(format!("transformMapEntry({})", made.type_name())));
            };
            self.budget.take_items(made.len())?;
            let before = entries.len();
            entries.extend(made.iter().map(|(key, value)| (key.clone(), value.clone())));
            if entries.len() != before + made.len() {
                return Err(EvaluationError::invalid("insert failed: key already exists"));
            }
        }
        Ok(Value::Map(Arc::new(entries)))
    }

    fn sort(&mut self, code: &CodeLoop, range: &Range) -> Evaluated {
        let base = self.locals.len();
        let mut keyed: Vec<(Value, Value)> = Vec::new();
        for turn in range.turns() {
            self.enter(code, range, &turn, base)?;
            if let Some(key) = self.result(code, &turn.second)? {
                keyed.push((key, range.single(&turn).clone()));
            }
        }
        let length = keyed.len();
        self.budget.take_items(length.saturating_mul(usize::try_from(length.max(1).ilog2()).unwrap_or(1)))?;
        if keyed.iter().any(|(key, _)| key.order(&keyed[0].0).is_none()) {
            return Err(EvaluationError::NoSuchOverload("sortBy: keys have no order".to_owned()));
        }
        keyed.sort_by(|(a, _), (b, _)| a.order(b).unwrap_or(Ordering::Equal));
        Ok(Value::list(keyed.into_iter().map(|(_, item)| item)))
    }
}
