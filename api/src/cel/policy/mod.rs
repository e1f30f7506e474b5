//! Admission policies: their expressions, compiled once, and what they make of one request. Which requests a policy is about, and what
//! is done with its findings, is for the server.
//!
//! ```text
//!  spec ──compile──▶ Policy, or errors with paths                     (when the policy is written, and when it comes into force)
//!  Policy + Scene ──▶ conditions hold? ──▶ findings, notes, changes   (with each request that it is about)
//! ```

mod compile;
mod conditions;
mod mutate;
mod scene;
mod validate;

use super::Expression;

pub use compile::{check, compile};
pub use conditions::Conditions;
pub use mutate::Changed;
pub use scene::Scene;
pub use validate::{Finding, Note};

/// A policy of either kind, compiled.
#[derive(Debug, Default)]
pub struct Policy {
    /// What must hold for it to be about a request at all.
    pub conditions: Conditions,
    /// Whether an expression that fails refuses the request.
    pub fails_closed: bool,
    variables: Vec<Variable>,
    validations: Vec<Validation>,
    annotations: Vec<Annotation>,
    mutations: Vec<Mutation>,
}

/// A named expression that others use. It is evaluated when it is first asked for, and not again.
#[derive(Debug)]
struct Variable {
    name: String,
    expression: Expression,
    /// The variables that it needs, those that come first before others.
    needs: Vec<usize>,
    /// The levels of its value, at most, more than those of the request.
    levels: usize,
}

/// What must be true of a request.
#[derive(Debug)]
struct Validation {
    expression: Expression,
    message: Option<String>,
    message_expression: Option<Expression>,
    reason: String,
}

/// What is noted in the audit record.
#[derive(Debug)]
struct Annotation {
    key: String,
    expression: Expression,
}

/// What is changed.
#[derive(Debug)]
struct Mutation {
    expression: Expression,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// The expression gives an object that is laid over the one that is there.
    Apply,
    /// It gives a JSON patch.
    Patch,
}
