//! The rules of the match conditions of webhooks.

use serde_json::Value;

use super::Unique;
use crate::cel::admission::match_conditions;
use crate::cel::policy::Conditions;
use crate::field::{FieldErrors, FieldPath};
use crate::value::text;

/// Each has a name of its own, and an expression that is true or false.
pub fn validate(listed: &[Value], path: &FieldPath, errors: &mut FieldErrors) {
    if listed.is_empty() {
        return;
    }
    let mut names = Unique::default();
    for (index, condition) in listed.iter().enumerate() {
        names.add(errors, &path.index(index).child("name"), text(condition, "/name").unwrap_or_default());
    }
    Conditions::compile(listed, &match_conditions(), path, errors);
}
