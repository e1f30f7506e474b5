//! Paths into an object, and what is wrong there.
//!
//! Validation names the field it refuses in the words clients know (`spec.containers[0].name: Required value`). The
//! texts follow Kubernetes, since people and programs read them.

use std::fmt;

use serde_json::Value;

/// A path to a field, such as `spec.containers[0].ports[1].name`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldPath(String);

impl FieldPath {
    /// The path of a field of the object itself; the empty string is the object.
    pub fn new(root: impl Into<String>) -> Self {
        Self(root.into())
    }

    /// The path of the field `name` below this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        if self.0.is_empty() { Self(name.to_owned()) } else { Self(format!("{}.{name}", self.0)) }
    }

    /// The path of the list item `index` below this one.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// The path of the map entry `key` below this one.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        Self(format!("{}[{key}]", self.0))
    }

    /// The path of what is at `below` within the value here.
    #[must_use]
    pub fn join(&self, below: &FieldPath) -> Self {
        match below.as_str() {
            "" => self.clone(),
            index if index.starts_with('[') => Self(format!("{}{index}", self.0)),
            name => self.child(name),
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for FieldPath {
    fn from(path: &str) -> Self {
        Self::new(path)
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldErrorKind {
    /// Nothing is there and something must be.
    Required,
    /// The value breaks a rule.
    Invalid(Value),
    /// The value is not one of the few that are allowed.
    NotSupported(Value, Vec<String>),
    /// Another item has the same value.
    Duplicate(Value),
    /// The value may be right elsewhere, but not here or not now.
    Forbidden,
    /// The text is longer than so many bytes.
    TooLong(usize),
    /// The list is longer than so many items (the first number is what it is).
    TooMany(usize, usize),
    /// The value refers to something that is not there.
    NotFound(Value),
    /// The value has another type than the field.
    TypeInvalid(Value),
}

/// One field and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// Where.
    pub path: FieldPath,
    /// What.
    pub kind: FieldErrorKind,
    /// Why, in a sentence; may be empty.
    pub detail: String,
}

impl FieldError {
    fn new(path: &FieldPath, kind: FieldErrorKind, detail: impl Into<String>) -> Self {
        Self { path: path.clone(), kind, detail: detail.into() }
    }

    /// Nothing is there and something must be.
    pub fn required(path: &FieldPath, detail: impl Into<String>) -> Self {
        Self::new(path, FieldErrorKind::Required, detail)
    }

    /// The value breaks a rule.
    pub fn invalid(path: &FieldPath, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::new(path, FieldErrorKind::Invalid(value.into()), detail)
    }

    /// The value is not one of `supported`.
    pub fn not_supported(path: &FieldPath, value: impl Into<Value>, supported: &[&str]) -> Self {
        let supported = supported.iter().map(|s| (*s).to_owned()).collect();
        Self::new(path, FieldErrorKind::NotSupported(value.into(), supported), "")
    }

    /// Another item has the same value.
    pub fn duplicate(path: &FieldPath, value: impl Into<Value>) -> Self {
        Self::new(path, FieldErrorKind::Duplicate(value.into()), "")
    }

    /// The value is not allowed here.
    pub fn forbidden(path: &FieldPath, detail: impl Into<String>) -> Self {
        Self::new(path, FieldErrorKind::Forbidden, detail)
    }

    /// The text is longer than `max` bytes.
    pub fn too_long(path: &FieldPath, max: usize) -> Self {
        Self::new(path, FieldErrorKind::TooLong(max), "")
    }

    /// The list has `actual` items and may have `max`.
    pub fn too_many(path: &FieldPath, actual: usize, max: usize) -> Self {
        Self::new(path, FieldErrorKind::TooMany(actual, max), "")
    }

    /// The value refers to something that is not there.
    pub fn not_found(path: &FieldPath, value: impl Into<Value>) -> Self {
        Self::new(path, FieldErrorKind::NotFound(value.into()), "")
    }

    /// The value has another type than the field.
    pub fn type_invalid(path: &FieldPath, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::new(path, FieldErrorKind::TypeInvalid(value.into()), detail)
    }

    /// The field may not change.
    pub fn immutable(path: &FieldPath, value: impl Into<Value>) -> Self {
        Self::invalid(path, value, "field is immutable")
    }

    /// The word that `Status.details.causes[].reason` carries.
    pub fn reason(&self) -> &'static str {
        match self.kind {
            FieldErrorKind::Required => "FieldValueRequired",
            FieldErrorKind::Invalid(_) => "FieldValueInvalid",
            FieldErrorKind::NotSupported(..) => "FieldValueNotSupported",
            FieldErrorKind::Duplicate(_) => "FieldValueDuplicate",
            FieldErrorKind::Forbidden => "FieldValueForbidden",
            FieldErrorKind::TooLong(_) => "FieldValueTooLong",
            FieldErrorKind::TooMany(..) => "FieldValueTooMany",
            FieldErrorKind::NotFound(_) => "FieldValueNotFound",
            FieldErrorKind::TypeInvalid(_) => "FieldValueTypeInvalid",
        }
    }

    /// The error without its path, such as `Invalid value: -1: must be positive`.
    pub fn body(&self) -> String {
        let head = self.head();
        if self.detail.is_empty() { head } else { format!("{head}: {}", self.detail) }
    }

    fn head(&self) -> String {
        match &self.kind {
            FieldErrorKind::Required => "Required value".to_owned(),
            FieldErrorKind::Invalid(value) => format!("Invalid value: {value}"),
            FieldErrorKind::NotSupported(value, supported) => {
                let supported: Vec<String> = supported.iter().map(|s| format!("\"{s}\"")).collect();
                format!("Unsupported value: {value}: supported values: {}", supported.join(", "))
            }
            FieldErrorKind::Duplicate(value) => format!("Duplicate value: {value}"),
            FieldErrorKind::Forbidden => "Forbidden".to_owned(),
            FieldErrorKind::TooLong(max) => format!("Too long: may not be more than {max} bytes"),
            FieldErrorKind::TooMany(actual, max) => format!("Too many: {actual}: must have at most {max} items"),
            FieldErrorKind::NotFound(value) => format!("Not found: {value}"),
            FieldErrorKind::TypeInvalid(value) => format!("Invalid value: {value}"),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.as_str().is_empty() {
            f.write_str(&self.body())
        } else {
            write!(f, "{}: {}", self.path, self.body())
        }
    }
}

/// Everything that is wrong with an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Nothing is wrong so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one error.
    pub fn push(&mut self, error: FieldError) {
        self.0.push(error);
    }

    /// Adds all errors of another check.
    pub fn extend(&mut self, errors: impl IntoIterator<Item = FieldError>) {
        self.0.extend(errors);
    }

    /// Adds `error()` unless `holds`.
    pub fn require(&mut self, holds: bool, error: impl FnOnce() -> FieldError) {
        if !holds {
            self.0.push(error());
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The errors in the order they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, FieldError> {
        self.0.iter()
    }
}

impl IntoIterator for FieldErrors {
    type Item = FieldError;
    type IntoIter = std::vec::IntoIter<FieldError>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a FieldErrors {
    type Item = &'a FieldError;
    type IntoIter = std::slice::Iter<'a, FieldError>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl FromIterator<FieldError> for FieldErrors {
    fn from_iter<I: IntoIterator<Item = FieldError>>(errors: I) -> Self {
        Self(errors.into_iter().collect())
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut texts: Vec<String> = Vec::new();
        for text in self.0.iter().map(ToString::to_string) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        match texts.as_slice() {
            [one] => f.write_str(one),
            many => write!(f, "[{}]", many.join(", ")),
        }
    }
}
