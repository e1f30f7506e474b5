//! Runs the rules of a schema over an object.

use serde_json::Value as Json;

use super::convert::convert;
use super::declare::Root;
use super::{Reason, Rule};
use crate::cel::{self, Budget, EvaluationError, Value, Variables};
use crate::custom::structural::{ListType, Structural};
use crate::custom::validate::type_of;
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::schema::Path;

/// Everything that the rules have against an object that is valid otherwise. `old` is what it was, absent if it is new.
pub(in crate::custom) fn run(root: &Structural, object: &Json, old: Option<&Json>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if !root.cel.within {
        return errors;
    }
    let mut runner = Runner { budget: Budget::new(cel::PER_OBJECT), errors: &mut errors };
    runner.level(root, (object, old), &Path::Root, Root::Object);
    errors
}

struct Runner<'a> {
    budget: Budget,
    errors: &'a mut FieldErrors,
}

/// A value, and what it was.
type Pair<'a> = (&'a Json, Option<&'a Json>);

impl Runner<'_> {
    fn level(&mut self, schema: &Structural, (new, old): Pair<'_>, path: &Path<'_>, root: Root) {
        if !schema.cel.within || self.budget.is_spent() {
            return;
        }
        self.rules(schema, (new, old), path, root);
        match new {
            Json::Object(fields) => {
                for (name, value, field) in fields.iter().filter_map(|(n, v)| Some((n, v, schema.field(n)?))) {
                    let old = old.and_then(|old| old.get(name));
                    self.level(field, (value, old), &Path::Key(path, name), Root::Part);
                }
            }
            Json::Array(items) => {
                let Some(item) = &schema.items else { return };
                for (index, value) in items.iter().enumerate() {
                    let old = old.and_then(|old| counterpart(&schema.list, value, old));
                    self.level(item, (value, old), &Path::Index(path, index), Root::Part);
                }
            }
            _ => {}
        }
    }

    fn rules(&mut self, schema: &Structural, (new, old): Pair<'_>, path: &Path<'_>, root: Root) {
        let unchanged = old == Some(new);
        let due = |rule: &&std::sync::Arc<Rule>| match (rule.transition, old) {
            (true, None) => rule.optional_old,
            (true, Some(_)) => true,
            (false, _) => !unchanged,
        };
        let mut due = schema.cel.rules.iter().filter(due).peekable();
        if due.peek().is_none() {
            return;
        }
        let before = old.map(|old| convert(schema, old, root));
        let variables = Variables::new().with("self", convert(schema, new, root));
        for rule in due {
            let variables = match (&before, rule.optional_old) {
                (Some(old), true) => variables.clone().with("oldSelf", Value::some(old.clone())),
                (None, true) => variables.clone().with("oldSelf", Value::Optional(None)),
                (Some(old), false) => variables.clone().with("oldSelf", old.clone()),
                (None, false) => variables.clone(),
            };
            self.rule(rule, &variables, new, path);
        }
    }

    fn rule(&mut self, rule: &Rule, variables: &Variables, new: &Json, path: &Path<'_>) {
        if self.budget.is_spent() {
            return;
        }
        let of = type_of(new);
        match cel::evaluate(&rule.expression, variables, &mut self.budget) {
            Ok(Value::Bool(true)) => {}
            Ok(Value::Bool(false)) => {
                let message = self.message(rule, variables);
                let path = at(path, rule.field.as_deref());
                self.errors.push(refusal(rule.reason, &path, (new, of), message));
            }
            Ok(other) => self.errors.push(FieldError::invalid(
                &path.field_path(),
                of,
                format!("rule evaluated to {}, not to bool", other.type_name()),
            )),
            Err(EvaluationError::OutOfBudget) if self.budget.is_spent() => {
                let why =
                    "validation failed due to running out of cost budget, no further validation rules will be run";
                self.errors.push(FieldError::invalid(&path.field_path(), of, why));
            }
            Err(error) => {
                let name = rule.message.as_deref().unwrap_or_else(|| rule.expression.text());
                let why = format!("{error} evaluating rule: {name}");
                self.errors.push(FieldError::invalid(&path.field_path(), of, why));
            }
        }
    }

    /// What the rule's author says, or else the rule.
    fn message(&mut self, rule: &Rule, variables: &Variables) -> String {
        let made = rule.message_expression.as_ref().and_then(|expression| {
            let value = cel::evaluate(expression, variables, &mut self.budget).ok()?;
            let text = value.as_str()?.trim().to_owned();
            (!text.is_empty() && !text.contains('\n')).then_some(text)
        });
        made.or_else(|| rule.message.clone())
            .unwrap_or_else(|| format!("failed rule: {}", rule.expression.text().trim()))
    }
}

fn at(path: &Path<'_>, field: Option<&str>) -> FieldPath {
    let path = path.field_path();
    match field {
        None => path,
        Some(field) if field.starts_with('[') => FieldPath::new(format!("{path}{field}")),
        Some(field) => path.child(field),
    }
}

fn refusal(reason: Reason, path: &FieldPath, (value, of): (&Json, &str), message: String) -> FieldError {
    match reason {
        Reason::Invalid => FieldError::invalid(path, of, message),
        Reason::Forbidden => FieldError::forbidden(path, message),
        Reason::Required => FieldError::required(path, message),
        Reason::Duplicate => FieldError { detail: message, ..FieldError::duplicate(path, value.clone()) },
    }
}

/// What an item of a list was: the old item with the same keys.
fn counterpart<'a>(list: &ListType, item: &Json, old: &'a Json) -> Option<&'a Json> {
    let ListType::Map(keys) = list else { return None };
    old.as_array()?.iter().find(|old| keys.iter().all(|key| old.get(key) == item.get(key)))
}
