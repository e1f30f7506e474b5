//! The Common Expression Language (CEL), as Kubernetes speaks it: a text becomes an [`Expression`] once, and is evaluated often.
//!
//! ```text
//! text ── lexer ── parser (macros) ── checker (types, overloads) ──► Expression
//!                                                                        │ evaluate(bindings, budget)
//!                                                                        ▼
//!                                                                      Value
//! ```
//!
//! Expressions come from users and run within writes, so nothing here panics, recurses without bound or runs for long:
//!
//! - A text has at most [`MAX_TEXT`] characters and its tree at most [`MAX_DEPTH`] levels; the parser refuses more. Everything that
//!   walks a tree is bounded by that.
//! - Each step of an evaluation is paid from a [`Budget`]: one unit for a node, more for what grows with its operands. When it is
//!   used up the evaluation ends with [`EvaluationError::OutOfBudget`]. A unit is some ten nanoseconds to a microsecond, so the
//!   million that Kubernetes grants one expression is over well within a second.
//! - Strings, lists and maps are paid for by their size as they are made, so the budget bounds memory too.
//!
//! The language is a table: an [`Environment`] is a list of variables with their types and of [`Library`]s, rows of signature and
//! code. The checker and the evaluator read the same rows. What belongs to one host, such as Kubernetes' quantities, is a library
//! of that host; [`Opaque`] lets it bring values of its own.
//!
//! No IO, no clock, no randomness: there is no `now()` in CEL.

mod ast;
mod budget;
mod check;
mod environment;
mod error;
mod estimate;
mod evaluate;
mod expression;
mod functions;
mod lexer;
mod literal;
mod macros;
mod parser;
mod signature;
mod types;
mod value;

pub use budget::Budget;
pub use environment::{Environment, EnvironmentBuilder};
pub use error::{CompileError, EvaluationError};
pub use expression::{Bindings, Expression, MAX_LEVELS, Variables};
pub use functions::{is_url, parse_duration, standard_libraries};
pub use parser::{MAX_DEPTH, MAX_TEXT, RESERVED};
pub use signature::{Arguments, Library, Overload, Row};
pub use types::{Field, ObjectType, Type};
pub use value::{Key, Map, Opaque, Value};
