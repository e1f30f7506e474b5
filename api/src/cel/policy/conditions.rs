//! Match conditions: whether a webhook or a policy is about a request.

use serde_json::Value as Json;

use crate::cel::{self, Bindings, Budget, Environment, Expression, PER_MATCH, Type, Value};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::value::text;

/// All must hold.
#[derive(Debug, Default)]
pub struct Conditions(Vec<Condition>);

#[derive(Debug)]
struct Condition {
    name: String,
    expression: Expression,
}

impl Conditions {
    /// Of a list of `matchConditions`, which stands at `path`. What cannot be compiled is an error, and left out.
    pub fn compile(listed: &[Json], environment: &Environment, path: &FieldPath, errors: &mut FieldErrors) -> Self {
        let all = listed.iter().enumerate().filter_map(|(index, condition)| {
            let at = path.index(index).child("expression");
            let expression = expression(text(condition, "/expression")?, &Type::Bool, environment, &at, errors)?;
            Some(Condition { name: text(condition, "/name").unwrap_or_default().to_owned(), expression })
        });
        Self(all.collect())
    }

    /// The same; an error if any cannot be compiled.
    pub fn read(listed: &[Json], environment: &Environment) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let all = Self::compile(listed, environment, &FieldPath::new("matchConditions"), &mut errors);
        if errors.is_empty() { Ok(all) } else { Err(errors) }
    }

    /// Whether there are none, so that every write is meant.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all hold. One that does not decides, whatever went wrong with others; otherwise an error says what did.
    pub fn hold(&self, bindings: &dyn Bindings) -> Result<bool, String> {
        let mut budget = Budget::new(PER_MATCH);
        let mut failed = None;
        for Condition { name, expression } in &self.0 {
            match cel::evaluate(expression, bindings, &mut budget) {
                Ok(Value::Bool(true)) => {}
                Ok(Value::Bool(false)) => return Ok(false),
                Ok(_) => drop(failed.get_or_insert(format!("match condition '{name}' is not true or false"))),
                Err(error) => drop(failed.get_or_insert(format!("match condition '{name}': {error}"))),
            }
        }
        failed.map_or(Ok(true), Err)
    }
}

/// An expression of that type, or an error.
pub(super) fn expression(
    source: &str,
    of: &Type,
    environment: &Environment,
    at: &FieldPath,
    errors: &mut FieldErrors,
) -> Option<Expression> {
    if source.trim().is_empty() {
        errors.push(FieldError::required(at, "must not be empty"));
        return None;
    }
    cel::compile(source, of, environment, at, errors)
}
