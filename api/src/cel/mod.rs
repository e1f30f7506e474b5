//! CEL as Kubernetes speaks it: the language of `xebec-cel`, and Kubernetes' own functions.
//!
//! [`environment`] is where every expression of an object begins: rules of custom kinds, match conditions of webhooks, admission
//! policies. Each adds its variables; [`admission`] has those of a write.

pub mod admission;
mod authorizer;
mod formats;
mod patches;
pub mod policy;
mod quantities;

use std::sync::LazyLock;

use xebec_cel::EnvironmentBuilder;
pub use xebec_cel::{
    Bindings, Budget, CompileError, Environment, EvaluationError, Expression, Field, Key, MAX_LEVELS, Map, ObjectType,
    Type, Value, Variables,
};

use crate::field::{FieldError, FieldErrors, FieldPath};

pub use authorizer::{Authorizer, Check, Decision, Resource, Subject, authorizer, request_resource};

/// What one expression may cost, in units of [`Budget`].
pub const PER_EXPRESSION: u64 = 1_000_000;

/// What all expressions of one policy, or all rules of one object, may cost together.
pub const PER_OBJECT: u64 = 10_000_000;

/// What all match conditions of one webhook or policy may cost together.
pub const PER_MATCH: u64 = PER_OBJECT / 4;

/// No variables yet, and all functions but those of admission.
pub fn environment() -> Environment {
    static BASE: LazyLock<Environment> = LazyLock::new(|| builder().build());
    BASE.clone()
}

fn builder() -> EnvironmentBuilder {
    EnvironmentBuilder::standard().library(quantities::LIBRARY).library(formats::LIBRARY)
}

/// The longest message that an expression makes, in bytes.
const MAX_MESSAGE: usize = 5 << 10;

/// The message that an expression makes: one line, neither empty nor too long. `None` if it makes no such.
pub(crate) fn message(expression: &Expression, bindings: &dyn Bindings, all: &mut Budget) -> Option<String> {
    let value = evaluate(expression, bindings, all).ok()?;
    let text = value.as_str()?.trim();
    (!text.is_empty() && text.len() <= MAX_MESSAGE && !text.contains('\n')).then(|| text.to_owned())
}

/// An expression of that type, or an error.
pub(crate) fn compile(
    source: &str,
    of: &Type,
    environment: &Environment,
    at: &FieldPath,
    errors: &mut FieldErrors,
) -> Option<Expression> {
    let refused = |error| FieldError::invalid(at, source, format!("compilation failed: {error}"));
    Expression::compile_to(source, of, environment).map_err(|error| errors.push(refused(error))).ok()
}

/// Evaluates within what one expression may cost, and takes it from what all may.
pub fn evaluate(expression: &Expression, bindings: &dyn Bindings, all: &mut Budget) -> Result<Value, EvaluationError> {
    let mut own = all.part(PER_EXPRESSION);
    let value = expression.evaluate(bindings, &mut own);
    all.settle(PER_EXPRESSION, &own);
    value
}
