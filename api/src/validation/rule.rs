//! Rules for single fields, as data: a row of the kind table lists what its fields must be.
//!
//! A rule is a path and a demand. Rules that look at more than one field are code, in the kind's own file of rules.

use serde_json::Value;

use super::named;
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names::NameResult;
use crate::quantity::Quantity;
use crate::selectors::LabelSelector;
use crate::value::is_unset;
use crate::walk;

/// What a field must be.
#[derive(Clone, Copy)]
pub struct Rule {
    at: &'static str,
    must: Must,
}

#[derive(Clone, Copy)]
enum Must {
    BeThere,
    BeOneOf(&'static [&'static str]),
    BeWithin(i64, i64),
    BeNamed(fn(&str) -> NameResult),
    BeAmount,
    BeSelector,
    HaveAtMost(usize),
    Stay,
}

impl Rule {
    const fn new(at: &'static str, must: Must) -> Self {
        Self { at, must }
    }

    /// The field must be there, and not be empty.
    pub const fn required(at: &'static str) -> Self {
        Self::new(at, Must::BeThere)
    }

    /// The text, if it is there, must be one of these.
    pub const fn one_of(at: &'static str, words: &'static [&'static str]) -> Self {
        Self::new(at, Must::BeOneOf(words))
    }

    /// The number, if it is there, must not be less.
    pub const fn at_least(at: &'static str, least: i64) -> Self {
        Self::new(at, Must::BeWithin(least, i64::MAX))
    }

    /// The number, if it is there, must be one of these, the last included.
    pub const fn within(at: &'static str, least: i64, most: i64) -> Self {
        Self::new(at, Must::BeWithin(least, most))
    }

    /// The text, if it is there, must follow the rule for names.
    pub const fn named(at: &'static str, rule: fn(&str) -> NameResult) -> Self {
        Self::new(at, Must::BeNamed(rule))
    }

    /// The quantity, if it is there, must be well formed and not below zero.
    pub const fn amount(at: &'static str) -> Self {
        Self::new(at, Must::BeAmount)
    }

    /// The label selector, if it is there, must be well formed.
    pub const fn selector(at: &'static str) -> Self {
        Self::new(at, Must::BeSelector)
    }

    /// The list must have at most so many items.
    pub const fn at_most(at: &'static str, most: usize) -> Self {
        Self::new(at, Must::HaveAtMost(most))
    }

    /// The field may not change. The path goes through no lists.
    pub const fn immutable(at: &'static str) -> Self {
        Self::new(at, Must::Stay)
    }
}

/// What is wrong with an object.
pub fn check(rules: &[Rule], object: &Value, errors: &mut FieldErrors) {
    check_at(rules, object, &FieldPath::default(), errors);
}

/// What is wrong with an object that is a part of another, there at `at`.
pub fn check_at(rules: &[Rule], part: &Value, at: &FieldPath, errors: &mut FieldErrors) {
    for rule in rules {
        walk::visit(part, rule.at, at, &mut |path, value| rule.must.check(path, value, errors));
    }
}

/// What is wrong with a change.
pub fn check_change(rules: &[Rule], new: &Value, old: &Value, errors: &mut FieldErrors) {
    for rule in rules.iter().filter(|rule| matches!(rule.must, Must::Stay)) {
        let pointer = format!("/{}", rule.at.replace('.', "/"));
        let (before, after) = (old.pointer(&pointer), new.pointer(&pointer));
        errors.require(before == after, || {
            FieldError::immutable(&FieldPath::new(rule.at), after.cloned().unwrap_or_default())
        });
    }
}

impl Must {
    fn check(self, path: &FieldPath, value: &Value, errors: &mut FieldErrors) {
        match self {
            Self::BeThere => errors.require(!is_empty(value), || FieldError::required(path, "")),
            Self::BeOneOf(words) => super::one_of(errors, path, filled(value), words),
            Self::BeWithin(least, most) => within(errors, path, value, (least, most)),
            Self::BeNamed(rule) => filled(value).into_iter().for_each(|text| named(errors, path, text, rule)),
            Self::BeAmount => amount(errors, path, value),
            Self::BeSelector => selector(errors, path, value),
            Self::HaveAtMost(most) => {
                let count = value.as_array().map_or(0, Vec::len);
                errors.require(count <= most, || FieldError::too_many(path, count, most));
            }
            Self::Stay => {}
        }
    }
}

fn filled(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

fn is_empty(value: &Value) -> bool {
    is_unset(value) || value.as_array().is_some_and(Vec::is_empty)
}

fn within(errors: &mut FieldErrors, path: &FieldPath, value: &Value, (least, most): (i64, i64)) {
    let Some(number) = value.as_i64().filter(|number| !(least..=most).contains(number)) else { return };
    let why = match most {
        i64::MAX => format!("must be greater than or equal to {least}"),
        most => format!("must be between {least} and {most}, inclusive"),
    };
    errors.push(FieldError::invalid(path, number, why));
}

fn amount(errors: &mut FieldErrors, path: &FieldPath, value: &Value) {
    let Some(text) = filled(value) else { return };
    match Quantity::parse(text) {
        Ok(amount) if amount.is_negative() => {
            errors.push(FieldError::invalid(path, text, "must be greater than or equal to 0"));
        }
        Ok(_) => {}
        Err(error) => errors.push(FieldError::invalid(path, text, error.to_string())),
    }
}

fn selector(errors: &mut FieldErrors, path: &FieldPath, value: &Value) {
    if value.is_null() {
        return;
    }
    if let Err(error) = LabelSelector::from_json(value) {
        errors.push(FieldError::invalid(path, value.clone(), error.to_string()));
    }
}
