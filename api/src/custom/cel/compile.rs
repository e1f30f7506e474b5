//! From `x-kubernetes-validations` to rules, and everything that is wrong with them.

use std::sync::Arc;

use serde_json::Value;

use super::cost::{PER_RULE, PER_SCHEMA, most};
use super::declare::{Root, declare};
use super::{Declared, Reason, Rule};
use crate::cel::{self, Environment, Expression, Field, Type};
use crate::custom::structural::Structural;
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::value::{list, text};

/// The most characters of a message.
const MAX_MESSAGE: usize = 2048;

/// Where in a definition's schema a level stands.
#[derive(Clone, Copy, Debug)]
pub(in crate::custom) struct Place {
    /// Whether it is the object.
    pub(in crate::custom) root: bool,
    /// Whether an old value can be found: not within a list whose items have no keys.
    pub(in crate::custom) correlatable: bool,
    /// How often it can occur in an object.
    pub(in crate::custom) times: u64,
    /// What all rules so far may cost.
    pub(in crate::custom) spent: u64,
}

impl Default for Place {
    fn default() -> Self {
        Self { root: true, correlatable: true, times: 1, spent: 0 }
    }
}

/// The rules of a level whose inner levels are read already.
pub(in crate::custom) fn compile(
    schema: &Value,
    level: &Structural,
    path: &FieldPath,
    place: &mut Place,
    errors: &mut FieldErrors,
) -> Declared {
    let inner = level.properties.values().chain(level.additional.as_deref()).chain(level.items.as_deref());
    let below = inner.into_iter().any(|level| level.cel.within);
    let (rules, most) = (list(schema, "/x-kubernetes-validations"), most(schema));
    if rules.is_empty() {
        return Declared { rules: Vec::new(), within: below, most };
    }
    let path = path.child("x-kubernetes-validations");
    let root = if place.root { Root::Object } else { Root::Part };
    let Some(of) = declare(level, root) else {
        errors.push(FieldError::forbidden(&path, "needs a type: nothing is known of these values"));
        return Declared::default();
    };
    let mut compiler = Compiler { of, most, level, place, errors };
    let rules = rules.iter().enumerate().filter_map(|(index, rule)| compiler.rule(rule, &path.index(index)));
    Declared { rules: rules.map(Arc::new).collect(), within: true, most }
}

struct Compiler<'a> {
    of: Type,
    most: Option<u64>,
    level: &'a Structural,
    place: &'a mut Place,
    errors: &'a mut FieldErrors,
}

impl Compiler<'_> {
    fn rule(&mut self, rule: &Value, path: &FieldPath) -> Option<Rule> {
        let at = path.child("rule");
        let Some(source) = text(rule, "/rule").filter(|source| !source.trim().is_empty()) else {
            self.errors.push(FieldError::required(&at, "rule is not specified"));
            return None;
        };
        let optional_old = rule.get("optionalOldSelf") == Some(&Value::Bool(true));
        let environment = self.environment(optional_old);
        let expression = self.compile(source, &Type::Bool, &environment, &at)?;
        let transition = expression.uses("oldSelf");
        self.message(rule, path);
        if transition && !self.place.correlatable {
            let why = "oldSelf cannot be used on the uncorrelatable portion of the schema within a list that is not of type map";
            self.errors.push(FieldError::invalid(&at, source, why));
        }
        if optional_old && !transition {
            let why = "may not be set if oldSelf is not used in rule";
            self.errors.push(FieldError::invalid(&path.child("optionalOldSelf"), true, why));
        }
        self.cost(&expression, &at);
        let at = path.child("messageExpression");
        let message_expression = match text(rule, "/messageExpression").filter(|source| !source.is_empty()) {
            Some(source) => Some(self.message_expression(source, &expression, &environment, &at)?),
            None => None,
        };
        Some(Rule {
            expression,
            message: text(rule, "/message").map(str::to_owned),
            message_expression,
            reason: self.reason(rule, path),
            field: self.field(rule, path),
            transition,
            optional_old,
        })
    }

    fn environment(&self, optional_old: bool) -> Environment {
        let old = if optional_old { Type::optional(self.of.clone()) } else { self.of.clone() };
        let own = Field { of: self.of.clone(), max_size: self.most };
        cel::environment().with_field("self", own).with("oldSelf", old)
    }

    fn compile(&mut self, source: &str, of: &Type, environment: &Environment, at: &FieldPath) -> Option<Expression> {
        cel::compile(source, of, environment, at, self.errors)
    }

    fn message_expression(
        &mut self,
        source: &str,
        rule: &Expression,
        environment: &Environment,
        at: &FieldPath,
    ) -> Option<Expression> {
        let expression = self.compile(source, &Type::String, environment, at)?;
        if expression.uses("oldSelf") && !rule.uses("oldSelf") {
            let why = "may not use oldSelf where the rule does not";
            self.errors.push(FieldError::invalid(at, source, why));
        }
        self.cost(&expression, at);
        Some(expression)
    }

    fn message(&mut self, rule: &Value, path: &FieldPath) {
        let Some(message) = text(rule, "/message") else {
            let long = text(rule, "/rule").is_some_and(|source| source.trim().contains('\n'));
            let said = text(rule, "/messageExpression").is_some();
            self.errors.require(!long || said, || {
                FieldError::required(&path.child("message"), "message must be specified if rule contains line breaks")
            });
            return;
        };
        let path = path.child("message");
        self.errors.require(!message.trim().is_empty(), || {
            FieldError::invalid(&path, message, "message must be non-empty if specified")
        });
        self.errors.require(!message.contains(['\n', '\r']), || {
            FieldError::invalid(&path, message, "message must not contain line breaks")
        });
        self.errors.require(message.len() <= MAX_MESSAGE, || FieldError::too_long(&path, MAX_MESSAGE));
    }

    fn reason(&mut self, rule: &Value, path: &FieldPath) -> Reason {
        let Some(word) = text(rule, "/reason") else { return Reason::default() };
        let found = Reason::ALL.iter().find(|(known, _)| *known == word);
        self.errors.require(found.is_some(), || {
            FieldError::not_supported(&path.child("reason"), word, &Reason::ALL.map(|(known, _)| known))
        });
        found.map_or(Reason::default(), |(_, reason)| *reason)
    }

    fn field(&mut self, rule: &Value, path: &FieldPath) -> Option<String> {
        let field = text(rule, "/fieldPath")?;
        let known = is_field(self.level, field);
        self.errors.require(known, || {
            let why = "must name a field of the schema, such as .spec.replicas";
            FieldError::invalid(&path.child("fieldPath"), field, why)
        });
        Some(field.trim_start_matches('.').to_owned())
    }

    fn cost(&mut self, expression: &Expression, at: &FieldPath) {
        let cost = expression.cost().saturating_mul(self.place.times);
        if cost > PER_RULE {
            let factor = times(cost, PER_RULE);
            let why = format!(
                "estimated rule cost exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, \
                 maxProperties, and maxLength where arrays, maps, and strings are declared)"
            );
            self.errors.push(FieldError::forbidden(at, why));
        }
        let before = self.place.spent;
        self.place.spent = before.saturating_add(cost);
        if before <= PER_SCHEMA && self.place.spent > PER_SCHEMA {
            let why =
                "contributed to the estimated cost of all rules of this version, which exceeds the budget for a schema";
            self.errors.push(FieldError::forbidden(at, why));
        }
    }
}

fn times(cost: u64, limit: u64) -> String {
    let factor = cost.div_ceil(limit);
    if factor > 100 { "more than 100x".to_owned() } else { format!("{factor}x") }
}

/// Whether a path such as `.spec.replicas` or `.items['a-b']` leads to a field.
fn is_field(level: &Structural, path: &str) -> bool {
    let mut level = level;
    let mut rest = path;
    while !rest.is_empty() {
        let (name, tail) = match (rest.strip_prefix('.'), rest.strip_prefix("['")) {
            (Some(tail), _) => tail.split_at(tail.find(['.', '[']).unwrap_or(tail.len())),
            (None, Some(tail)) => match tail.split_once("']") {
                Some(parts) => parts,
                None => return false,
            },
            (None, None) => return false,
        };
        let Some(field) = level.field(name) else { return false };
        (level, rest) = (field, tail);
    }
    !path.is_empty()
}
