//! One request, as the expressions of one policy see it.

use std::cell::RefCell;

use super::{Policy, Variable};
use crate::cel::{Bindings, Budget, EvaluationError, Value};

/// The variables of a request, and those that the policy makes of them.
pub struct Scene<'a> {
    policy: &'a Policy,
    /// What all policies see.
    request: &'a dyn Bindings,
    params: Value,
    /// What has been worked out.
    known: RefCell<Vec<Option<Result<Value, EvaluationError>>>>,
}

impl<'a> Scene<'a> {
    /// A request with the parameters of one binding, `null` if it has none.
    pub fn new(policy: &'a Policy, request: &'a dyn Bindings, params: Value) -> Self {
        let known = RefCell::new(vec![None; policy.variables.len()]);
        Self { policy, request, params, known }
    }

    pub(super) fn policy(&self) -> &'a Policy {
        self.policy
    }

    fn variable(&self, index: usize, budget: &mut Budget) -> Result<Value, EvaluationError> {
        let variable = &self.policy.variables[index];
        // Those that it needs first, in their order: so no expression waits for more than one other.
        if self.known.borrow()[index].is_none() {
            variable.needs.iter().chain([&index]).for_each(|needed| self.work_out(*needed, budget));
        }
        let known = self.known.borrow()[index].clone();
        match known {
            Some(Ok(value)) => Ok(value),
            Some(Err(EvaluationError::OutOfBudget)) | None => Err(EvaluationError::OutOfBudget),
            Some(Err(error)) => Err(EvaluationError::invalid(format!("variable \"{}\" fails: {error}", variable.name))),
        }
    }

    fn work_out(&self, index: usize, budget: &mut Budget) {
        if self.known.borrow()[index].is_some() {
            return;
        }
        let Variable { expression, .. } = &self.policy.variables[index];
        let value = expression.evaluate(self, budget);
        self.known.borrow_mut()[index] = Some(value);
    }
}

impl Bindings for Scene<'_> {
    fn value(&self, name: &str, budget: &mut Budget) -> Result<Value, EvaluationError> {
        if let Some(own) = name.strip_prefix("variables.") {
            let index = self.policy.variables.iter().position(|variable| variable.name == own);
            let index = index.ok_or_else(|| EvaluationError::invalid(format!("no such attribute(s): {name}")))?;
            return self.variable(index, budget);
        }
        if name == "params" {
            return Ok(self.params.clone());
        }
        self.request.value(name, budget)
    }
}
