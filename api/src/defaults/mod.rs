//! What the API fills in when a client leaves it out, shared by kinds.
//!
//! Clients depend on these: they read `spec.replicas` or `spec.restartPolicy` without asking whether it is there. A default
//! never replaces what the client set.

pub mod autoscaler;
pub mod container;
pub mod definition;
mod fill;
pub mod job;
pub mod limits;
pub mod pod;
pub mod rbac;
pub mod volume;

use serde_json::Value;

pub use fill::{Fill, fill};

use crate::quantity::Quantity;

/// Writes every quantity of a resource list in its canonical form. What is no quantity stays, for validation to refuse.
pub fn canonical_quantities(list: &mut Value) {
    list.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut).for_each(canonical);
}

/// Writes a quantity in its canonical form. What is no quantity stays, for validation to refuse.
pub fn canonical(quantity: &mut Value) {
    let text = match &*quantity {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return,
    };
    if let Ok(parsed) = Quantity::parse(&text) {
        *quantity = Value::String(parsed.to_string());
    }
}
