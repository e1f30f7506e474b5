//! What is special about a kind: its defaults, its rules, and what happens to it on the way to the store.
//!
//! Every method has a body that does nothing, so that a kind implements only what it needs. The objects have passed the
//! kind's schema: a field that is there has the right type.

use serde_json::Value;

use super::Subresource;
use crate::field::FieldErrors;

/// What is special about a kind.
pub trait Strategy: Sync {
    /// Fills in what the client left out.
    fn default(&self, object: &mut Value) {
        let _ = object;
    }

    /// Changes a new object before it is validated.
    fn prepare_create(&self, object: &mut Value) {
        let _ = object;
    }

    /// Changes an update before it is validated.
    fn prepare_update(&self, new: &mut Value, old: &Value) {
        let _ = (new, old);
    }

    /// Changes an update of the status before it is validated.
    fn prepare_status_update(&self, new: &mut Value, old: &Value) {
        let _ = (new, old);
    }

    /// Takes a part of `proposed` into an object that is otherwise kept.
    fn take_part(&self, part: Subresource, object: &mut Value, proposed: &Value) {
        let _ = (part, object, proposed);
    }

    /// Whether what is wanted changed, for kinds that have it in the metadata too.
    fn wants_changed(&self, new: &Value, old: &Value) -> bool {
        let _ = (new, old);
        false
    }

    /// What is wrong with the object.
    fn validate(&self, object: &Value) -> FieldErrors {
        let _ = object;
        FieldErrors::new()
    }

    /// What is wrong with the change.
    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        let _ = (new, old);
        FieldErrors::new()
    }

    /// What is wrong with the change of a part.
    fn validate_part_update(&self, part: Subresource, new: &Value, old: &Value) -> FieldErrors {
        let _ = part;
        self.validate_update(new, old)
    }

    /// How long the object may take to end; `None` where deletion is at once.
    fn grace_seconds(&self, object: &Value) -> Option<i64> {
        let _ = object;
        None
    }
}

/// Nothing is special.
#[derive(Debug)]
pub struct Plain;

impl Strategy for Plain {}
