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
    Bindings, Budget, CompileError, Environment, EvaluationError, Expression, Field, Key, Map, ObjectType, Type, Value,
    Variables,
};

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

/// Evaluates within what one expression may cost, and takes it from what all may.
pub fn evaluate(expression: &Expression, bindings: &dyn Bindings, all: &mut Budget) -> Result<Value, EvaluationError> {
    let mut own = all.part(PER_EXPRESSION);
    let value = expression.evaluate(bindings, &mut own);
    all.settle(PER_EXPRESSION, &own);
    value
}
