//! What a policy has against a request, and what it wants noted.

use super::{Annotation, Scene, Validation};
use crate::cel::{self, Budget, PER_OBJECT, Value};

/// The longest note, in bytes.
const MAX_NOTE: usize = 10 << 10;

/// A validation that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub index: usize,
    /// What its author says of it.
    pub message: String,
    /// The reason of the refusal, as a Status names it.
    pub reason: String,
}

/// Something for the audit record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The annotation's key, without the policy's name.
    pub key: String,
    /// What is noted.
    pub value: String,
}

impl Scene<'_> {
    /// Everything that does not hold, and all notes. What fails counts as a finding if the policy fails closed.
    pub fn validate(&self) -> (Vec<Finding>, Vec<Note>) {
        let policy = self.policy();
        let mut budget = Budget::new(PER_OBJECT);
        let checked = policy.validations.iter().enumerate();
        let mut findings: Vec<Finding> =
            checked.filter_map(|(index, validation)| self.finding(index, validation, &mut budget)).collect();
        let mut notes = Vec::new();
        for annotation in &policy.annotations {
            match self.note(annotation, &mut budget) {
                Ok(note) => notes.extend(note),
                Err(why) if policy.fails_closed => findings.push(invalid(policy.validations.len(), why)),
                Err(_) => {}
            }
        }
        (findings, notes)
    }

    fn finding(&self, index: usize, validation: &Validation, budget: &mut Budget) -> Option<Finding> {
        let source = validation.expression.text();
        let failed = |why: String| {
            let finding = || invalid(index, format!("expression '{source}' resulted in error: {why}"));
            self.policy().fails_closed.then(finding)
        };
        match cel::evaluate(&validation.expression, self, budget) {
            Ok(Value::Bool(true)) => None,
            Ok(Value::Bool(false)) => {
                let message = self.message(validation, budget);
                Some(Finding { index, message, reason: validation.reason.clone() })
            }
            Ok(other) => failed(format!("it is {}, not bool", other.type_name())),
            Err(error) => failed(error.to_string()),
        }
    }

    /// What the expression for it makes, or else what the author says, or else the expression that does not hold.
    fn message(&self, validation: &Validation, budget: &mut Budget) -> String {
        let expression = validation.message_expression.as_ref();
        let made = expression.and_then(|expression| cel::message(expression, self, budget));
        let said = made.or_else(|| validation.message.clone());
        said.unwrap_or_else(|| format!("failed expression: {}", validation.expression.text().trim()))
    }

    fn note(&self, annotation: &Annotation, budget: &mut Budget) -> Result<Option<Note>, String> {
        let failed =
            |why: String| format!("valueExpression '{}' resulted in error: {why}", annotation.expression.text());
        match cel::evaluate(&annotation.expression, self, budget) {
            Ok(Value::Null) => Ok(None),
            Ok(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Ok(Value::String(text)) => {
                let value = text[..text.floor_char_boundary(MAX_NOTE)].trim().to_owned();
                Ok(Some(Note { key: annotation.key.clone(), value }))
            }
            Ok(other) => Err(failed(format!("it is {}, not string or null", other.type_name()))),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

fn invalid(index: usize, message: String) -> Finding {
    Finding { index, message, reason: "Invalid".to_owned() }
}
