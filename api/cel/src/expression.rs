//! An expression, ready to run, and what it runs over.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::check::{Typed, check};
use crate::evaluate::{Code, Evaluator};
use crate::parser::parse;
use crate::{Budget, CompileError, Environment, EvaluationError, Type, Value};

/// The most levels that a value can have more than those of the variables it is made from: what walks a value, as its end does, takes
/// stack for each.
pub const MAX_LEVELS: usize = 1000;

/// A compiled expression.
pub struct Expression {
    text: Arc<str>,
    code: Code,
    of: Type,
    uses: Vec<Arc<str>>,
    levels: usize,
}

/// Where an expression finds its variables.
pub trait Bindings {
    /// The value of a variable of the environment. Finding it may cost, and may fail as an expression does.
    fn value(&self, name: &str, budget: &mut Budget) -> Result<Value, EvaluationError>;
}

/// Variables that have values already.
#[derive(Clone, Debug, Default)]
pub struct Variables(BTreeMap<Arc<str>, Value>);

impl Variables {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.set(name, value);
        self
    }

    /// Gives a variable a value.
    pub fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.into(), value);
    }
}

impl Bindings for Variables {
    fn value(&self, name: &str, _budget: &mut Budget) -> Result<Value, EvaluationError> {
        let found = self.0.get(name).cloned();
        found.ok_or_else(|| EvaluationError::invalid(format!("no such attribute(s): {name}")))
    }
}

impl Expression {
    /// Compiles a text. It takes time linear in the text, and stack linear in its nesting, which is bounded.
    pub fn compile(text: &str, environment: &Environment) -> Result<Self, CompileError> {
        let node = parse(text)?;
        let Typed { code, of, .. } = check(text, &node, environment)?;
        let levels = code.levels(&mut Vec::new());
        if levels > MAX_LEVELS {
            return Err(CompileError::new(
                text,
                0,
                format!("may make a value of {levels} levels, more than {MAX_LEVELS}"),
            ));
        }
        let mut uses = Vec::new();
        code.variables(&mut uses);
        Ok(Self { text: text.into(), code, of, uses, levels })
    }

    /// The same, but the result must be of that type, or of one that is known only as it runs.
    pub fn compile_to(text: &str, wanted: &Type, environment: &Environment) -> Result<Self, CompileError> {
        let expression = Self::compile(text, environment)?;
        if wanted.agrees(&expression.of) {
            return Ok(expression);
        }
        Err(CompileError::new(text, 0, format!("must evaluate to {wanted}, not {}", expression.of)))
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it evaluates to, as far as that is known.
    pub fn result_type(&self) -> &Type {
        &self.of
    }

    /// What it costs at least in units of [`Budget`], if everything that it loops over is as large as its type lets it be.
    pub fn cost(&self) -> u64 {
        self.code.cost()
    }

    /// How many levels its value can have, at most, more than those of its variables.
    pub fn levels(&self) -> usize {
        self.levels
    }

    /// Whether it looks at that variable.
    pub fn uses(&self, variable: &str) -> bool {
        self.uses.iter().any(|name| &**name == variable)
    }

    /// The value for these variables. It costs at most what the budget has.
    pub fn evaluate(&self, bindings: &dyn Bindings, budget: &mut Budget) -> Result<Value, EvaluationError> {
        Evaluator { bindings, budget, locals: Vec::new() }.run(&self.code)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}
