//! Runs the rules of a schema over an object.

use std::collections::BTreeMap;
use std::sync::Arc;

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
    run_within(Budget::new(cel::PER_OBJECT), root, (object, old))
}

fn run_within(budget: Budget, root: &Structural, (object, old): Pair<'_>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let mut runner = Runner { budget, stopped: false, errors: &mut errors };
    runner.level(root, (object, old), &Path::Root, Root::Object);
    errors
}

struct Runner<'a> {
    budget: Budget,
    /// A rule has run out of it, and said so.
    stopped: bool,
    errors: &'a mut FieldErrors,
}

/// A value, and what it was.
type Pair<'a> = (&'a Json, Option<&'a Json>);

impl Runner<'_> {
    fn level(&mut self, schema: &Structural, (new, old): Pair<'_>, path: &Path<'_>, root: Root) {
        if !schema.cel.within || self.stopped {
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
                let Some(item) = schema.items.as_deref().filter(|item| item.cel.within) else { return };
                let before = Before::new(&schema.list, old);
                for (index, value) in items.iter().enumerate() {
                    let old = before.of(value);
                    self.level(item, (value, old), &Path::Index(path, index), Root::Part);
                }
            }
            _ => {}
        }
    }

    fn rules(&mut self, schema: &Structural, (new, old): Pair<'_>, path: &Path<'_>, root: Root) {
        if schema.cel.rules.is_empty() {
            return;
        }
        let unchanged = old == Some(new);
        let due = |rule: &&Arc<Rule>| match (rule.transition, old) {
            (true, None) => rule.optional_old,
            (true, Some(_)) => true,
            (false, _) => !unchanged,
        };
        let due: Vec<_> = schema.cel.rules.iter().filter(due).collect();
        if due.is_empty() {
            return;
        }
        // Other rules do not look at it.
        let before = old.filter(|_| due.iter().any(|rule| rule.transition)).map(|old| convert(schema, old, root));
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
        if self.stopped {
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
                self.stopped = true;
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
        let expression = rule.message_expression.as_ref();
        let made = expression.and_then(|expression| cel::message(expression, variables, &mut self.budget));
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

/// What the items of a list were: those with the same keys.
struct Before<'a> {
    keys: &'a [String],
    old: BTreeMap<Identity, &'a Json>,
}

/// An item's keys, as text.
type Identity = Vec<Option<String>>;

impl<'a> Before<'a> {
    /// Of several with the same keys the first counts.
    fn new(list: &'a ListType, old: Option<&'a Json>) -> Self {
        let ListType::Map(keys) = list else { return Self { keys: &[], old: BTreeMap::new() } };
        let items = old.and_then(Json::as_array).into_iter().flatten();
        Self { keys, old: items.rev().map(|item| (identity(keys, item), item)).collect() }
    }

    fn of(&self, item: &Json) -> Option<&'a Json> {
        if self.old.is_empty() { None } else { self.old.get(&identity(self.keys, item)).copied() }
    }
}

fn identity(keys: &[String], item: &Json) -> Identity {
    keys.iter().map(|key| item.get(key).map(Json::to_string)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::custom::read::read;

    /// A rule that used up the last unit, and held, left those after it unasked.
    #[test]
    fn no_budget_lets_in_what_a_rule_forbids() {
        let rules = json!([{"rule": "self.a == 1"}, {"rule": "self.a == 2"}]);
        let schema =
            json!({"type": "object", "properties": {"a": {"type": "integer"}}, "x-kubernetes-validations": rules});
        let root = read(&schema, &FieldPath::default()).unwrap_or_else(|errors| panic!("{errors}"));
        for units in 0..50 {
            let errors = run_within(Budget::new(units), &root, (&json!({"a": 1}), None));
            assert!(!errors.is_empty(), "{units} units let it in");
        }
    }
}
