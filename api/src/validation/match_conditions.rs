//! The rules of match conditions, of webhooks and of policies.

use serde_json::Value;

use super::Unique;
use crate::cel::admission::match_conditions;
use crate::cel::{Expression, Type};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::value::text;

/// Each has a name of its own, and an expression that is true or false.
pub fn validate(listed: &[Value], path: &FieldPath, errors: &mut FieldErrors) {
    if listed.is_empty() {
        return;
    }
    let (mut names, environment) = (Unique::default(), match_conditions());
    for (index, condition) in listed.iter().enumerate() {
        let path = path.index(index);
        names.add(errors, &path.child("name"), text(condition, "/name").unwrap_or_default());
        let Some(expression) = text(condition, "/expression") else { continue };
        if let Err(error) = Expression::compile_to(expression, &Type::Bool, &environment) {
            let why = format!("compilation failed: {error}");
            errors.push(FieldError::invalid(&path.child("expression"), expression, why));
        }
    }
}
