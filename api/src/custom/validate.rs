//! What is wrong with a value, by its structural schema. The texts are those that clients know.

use serde_json::Value;

use super::format;
use super::structural::{Bound, ListType, Range, Rules, Structural, Type, is_whole};
use crate::field::{FieldError, FieldErrors};
use crate::schema::Path;

/// Everything that is wrong with an object.
pub(super) fn validate(root: &Structural, object: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    Walk { errors: &mut errors }.value(root, object, &Path::Root);
    errors
}

struct Walk<'a> {
    errors: &'a mut FieldErrors,
}

impl Walk<'_> {
    fn value(&mut self, schema: &Structural, value: &Value, path: &Path<'_>) {
        if value.is_null() && schema.nullable {
            return;
        }
        if let Some(expected) = wrong_type(schema, value) {
            let (at, found) = (path.field_path(), type_of(value));
            let why = format!("{at} in body must be of type {expected}: \"{found}\"");
            return self.errors.push(FieldError::type_invalid(&at, found, why));
        }
        self.inner(schema, value, path);
        self.rules(&schema.rules, value, path);
        self.list(&schema.list, value, path);
        if schema.embedded {
            self.embedded(value, path);
        }
    }

    fn inner(&mut self, schema: &Structural, value: &Value, path: &Path<'_>) {
        for (name, value) in value.as_object().into_iter().flatten() {
            if let Some(field) = schema.field(name) {
                self.value(field, value, &Path::Key(path, name));
            }
        }
        let Some(item) = &schema.items else { return };
        for (index, value) in value.as_array().into_iter().flatten().enumerate() {
            self.value(item, value, &Path::Index(path, index));
        }
    }

    fn rules(&mut self, rules: &Rules, value: &Value, path: &Path<'_>) {
        if let Some(allowed) = rules.one_of_values.as_ref().filter(|allowed| !allowed.contains(value)) {
            let allowed: Vec<String> =
                allowed.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
            let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
            self.errors.push(FieldError::not_supported(&path.field_path(), value.clone(), &allowed));
        }
        match value {
            Value::String(text) => self.text(rules, text, path),
            Value::Number(_) => self.number(rules, value, path),
            Value::Array(items) => self.count(rules.items, items.len(), path, "items"),
            Value::Object(fields) => {
                for name in rules.required.iter().filter(|name| !fields.contains_key(*name)) {
                    self.errors.push(FieldError::required(&Path::Key(path, name).field_path(), ""));
                }
                self.count(rules.properties, fields.len(), path, "properties");
            }
            Value::Null | Value::Bool(_) => {}
        }
        self.logic(rules, value, path);
    }

    /// An error that says what `path` should be.
    fn refuse(&mut self, path: &Path<'_>, value: impl Into<Value>, should: &str) {
        let at = path.field_path();
        let why = format!("{at} in body should {should}");
        self.errors.push(FieldError::invalid(&at, value, why));
    }

    fn text(&mut self, rules: &Rules, text: &str, path: &Path<'_>) {
        let length = text.chars().count();
        if let Some(min) = rules.length.min.filter(|min| length < *min) {
            self.refuse(path, text, &format!("be at least {min} chars long"));
        }
        if let Some(max) = rules.length.max.filter(|max| length > *max) {
            self.errors.push(FieldError::too_long(&path.field_path(), max));
        }
        if let Some(pattern) = rules.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            self.refuse(path, text, &format!("match '{pattern}'"));
        }
        if let Some(name) = rules.format.as_deref().filter(|name| !format::fits(name, text)) {
            let at = path.field_path();
            let why = format!("{at} in body must be of type {name}: \"{text}\"");
            self.errors.push(FieldError::invalid(&at, text, why));
        }
    }

    fn number(&mut self, rules: &Rules, value: &Value, path: &Path<'_>) {
        let number = value.as_f64().unwrap_or_default();
        if let Some(Bound { limit, exclusive }) = rules.minimum {
            let out = if exclusive { number <= limit } else { number < limit };
            let or = if exclusive { "" } else { " or equal to" };
            if out {
                self.refuse(path, value.clone(), &format!("be greater than{or} {limit}"));
            }
        }
        if let Some(Bound { limit, exclusive }) = rules.maximum {
            let out = if exclusive { number >= limit } else { number > limit };
            let or = if exclusive { "" } else { " or equal to" };
            if out {
                self.refuse(path, value.clone(), &format!("be less than{or} {limit}"));
            }
        }
        if let Some(step) = rules.multiple_of.filter(|step| (number / step).fract() != 0.0) {
            self.refuse(path, value.clone(), &format!("be a multiple of {step}"));
        }
        if let Some(name) = rules.format.as_deref().filter(|name| !format::holds(name, value)) {
            self.refuse(path, value.clone(), &format!("be a number of type {name}"));
        }
    }

    fn count(&mut self, range: Range, count: usize, path: &Path<'_>, what: &str) {
        if let Some(min) = range.min.filter(|min| count < *min) {
            self.refuse(path, count, &format!("have at least {min} {what}"));
        }
        if let Some(max) = range.max.filter(|max| count > *max) {
            self.errors.push(FieldError::too_many(&path.field_path(), count, max));
        }
    }

    fn logic(&mut self, rules: &Rules, value: &Value, path: &Path<'_>) {
        let fits = |schema: &&Structural| holds(schema, value, path);
        let (any, one) = (rules.any_of.iter().filter(fits).count(), rules.one_of.iter().filter(fits).count());
        let none = if one == 0 { "none valid" } else { "more than one valid" };
        let checks = [
            (rules.all_of.iter().all(|schema| fits(&schema)), "must validate all the schemas (allOf)".to_owned()),
            (rules.any_of.is_empty() || any > 0, "must validate at least one schema (anyOf)".to_owned()),
            (
                rules.one_of.is_empty() || one == 1,
                format!("must validate one and only one schema (oneOf). Found {none}"),
            ),
            (!rules.not.as_deref().is_some_and(|not| fits(&not)), "must not validate the schema (not)".to_owned()),
        ];
        for (_, why) in checks.iter().filter(|(holds, _)| !holds) {
            let at = path.field_path();
            let why = format!("\"{at}\" {why}");
            self.errors.push(FieldError::invalid(&at, value.clone(), why));
        }
    }

    fn list(&mut self, of: &ListType, value: &Value, path: &Path<'_>) {
        let Some(items) = value.as_array() else { return };
        let mut seen = std::collections::BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let identity = match of {
                ListType::Atomic => return,
                ListType::Set => item.clone(),
                ListType::Map(keys) => keys.iter().map(|key| (key.clone(), item[key].clone())).collect(),
            };
            if !seen.insert(identity.to_string()) {
                self.errors.push(FieldError::duplicate(&Path::Index(path, index).field_path(), identity));
            }
        }
    }

    /// An object within the object must say what it is.
    fn embedded(&mut self, value: &Value, path: &Path<'_>) {
        for name in ["apiVersion", "kind"] {
            if value.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
                self.errors.push(FieldError::required(&Path::Key(path, name).field_path(), "must not be empty"));
            }
        }
    }
}

/// Whether a value is as the schema wants it.
fn holds(schema: &Structural, value: &Value, path: &Path<'_>) -> bool {
    let mut errors = FieldErrors::new();
    Walk { errors: &mut errors }.value(schema, value, path);
    errors.is_empty()
}

/// The type that the value should have, if it does not.
fn wrong_type(schema: &Structural, value: &Value) -> Option<&'static str> {
    if schema.int_or_string {
        return (!value.is_string() && !is_whole(value)).then_some("integer or string");
    }
    schema.of.filter(|of| !of.fits(value)).map(Type::as_str)
}

/// The type of a value, as errors name it.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_whole(value) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
