//! What is wrong with an expression, and what went wrong as it ran.

use std::fmt;

/// Why a text is no expression of its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// What is wrong, such as `undeclared reference to 'foo'`.
    pub message: String,
    /// The line, from one.
    pub line: usize,
    /// The column in characters, from one.
    pub column: usize,
    /// The line's text, shortened where it is very long.
    excerpt: String,
}

impl std::error::Error for CompileError {}

/// The most characters of a line that an error shows.
const EXCERPT: usize = 120;

impl CompileError {
    /// An error at a byte of the text.
    pub(crate) fn new(text: &str, at: usize, message: impl Into<String>) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[start..].chars().count() + 1;
        let excerpt = text[start..].lines().next().unwrap_or_default().chars().take(EXCERPT).collect();
        Self { message: message.into(), line, column, excerpt }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ERROR: <input>:{}:{}: {}", self.line, self.column, self.message)?;
        if self.column <= EXCERPT {
            write!(f, "\n | {}\n | {}^", self.excerpt, ".".repeat(self.column - 1))?;
        }
        Ok(())
    }
}

/// Why an expression has no value for these variables.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// A map or object has no such field.
    #[error("no such key: {0}")]
    NoSuchKey(String),
    /// A list has no such item.
    #[error("index out of bounds: {0}")]
    OutOfBounds(i64),
    /// No form of the function takes values of these types; only values of the type `dyn` lead here.
    #[error("no such overload: {0}")]
    NoSuchOverload(String),
    /// A number left the range of its type.
    #[error("integer overflow")]
    Overflow,
    /// An integer was divided by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A function refused its arguments.
    #[error("{0}")]
    Invalid(String),
    /// The evaluation took more than it may.
    #[error("call cost exceeds limit: the expression did more work than it may")]
    OutOfBudget,
}

impl EvaluationError {
    /// A function's refusal of its arguments.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }
}
