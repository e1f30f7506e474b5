//! What a policy makes of an object.

use serde_json::Value as Json;

use super::{How, Mutation, Policy, Scene};
use crate::apply::{self, Place};
use crate::cel::{self, Budget};
use crate::decode::MAX_DEPTH;
use crate::kinds::Kind;
use crate::{patch, value};

/// An object that a policy has changed, or why it could not.
pub type Changed = Result<Json, String>;

impl Policy {
    /// How many changes it makes, one after the other.
    pub fn changes(&self) -> usize {
        self.mutations.len()
    }
}

impl Scene<'_> {
    /// The object after the change with that index. The scene shows the object as it is before it.
    pub fn mutate(&self, index: usize, kind: &Kind, object: &Json, budget: &mut Budget) -> Changed {
        let mutation = &self.policy().mutations[index];
        let failed = |why: String| format!("expression '{}' resulted in error: {why}", mutation.expression.text());
        let value = cel::evaluate(&mutation.expression, self, budget).map_err(|error| failed(error.to_string()))?;
        let mut own = budget.part(cel::PER_EXPRESSION);
        let made = value.to_json(&mut own);
        budget.settle(cel::PER_EXPRESSION, &own);
        let made = made.map_err(|error| failed(error.to_string()))?;
        change(mutation, kind, object, &made).map_err(failed)
    }
}

fn change(mutation: &Mutation, kind: &Kind, object: &Json, made: &Json) -> Changed {
    match mutation.how {
        How::Apply => {
            if !made.is_object() {
                return Err("it must be an Object".to_owned());
            }
            let place = Place::of_kind(kind);
            apply::owned(place, made).map_err(|why| why.to_string())?;
            let merged = apply::merge(place, object, made);
            if value::depth(&merged) > MAX_DEPTH {
                return Err(format!("the object would be nested more than {MAX_DEPTH} levels deep"));
            }
            Ok(merged)
        }
        How::Patch => patch::json::apply(object, made).map_err(|status| status.message),
    }
}
