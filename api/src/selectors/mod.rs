//! Selectors: which objects a client or a controller means.
//!
//! Label selectors ask for labels, field selectors for a few fields that the kind table names.

mod field;
mod label;

pub use field::FieldSelector;
pub use label::{LabelSelector, Operator, Requirement, SelectorError};
