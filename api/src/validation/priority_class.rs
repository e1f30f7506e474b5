//! The rules of a PriorityClass.

use serde_json::Value;

use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::value::{number, text};

/// More than this is for the system.
const HIGHEST_OF_USERS: i64 = 1_000_000_000;
/// The classes that the system has, and their values.
pub const SYSTEM: [(&str, i64); 2] =
    [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];

/// What is wrong with a class, apart from its row's rules.
pub fn validate(class: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let name = text(class, "/metadata/name").unwrap_or_default();
    let value = number(class, "/value").unwrap_or_default();
    if name.starts_with("system-") {
        errors.require(SYSTEM.contains(&(name, value)), || {
            let why = "priority class names with 'system-' prefix are reserved for system use only";
            FieldError::forbidden(&FieldPath::new("metadata.name"), why)
        });
    } else if value > HIGHEST_OF_USERS {
        let why = format!("maximum allowed value of a user defined priority is {HIGHEST_OF_USERS}");
        errors.push(FieldError::forbidden(&FieldPath::new("value"), why));
    }
    errors
}
