//! A structural schema: what a definition says of the objects of its kind, as a tree.
//!
//! Unlike JSON Schema at large, each value has one type that is said once; so unknown fields can be told from known ones, and
//! defaults filled in, before anything is validated. [`super::read`] makes the tree.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::cel;

/// What a value must be.
#[derive(Clone, Debug, Default)]
pub(super) struct Structural {
    /// Its type; `None`: any.
    pub(super) of: Option<Type>,
    /// A whole number or text, whatever the type says.
    pub(super) int_or_string: bool,
    /// Whether `null` is a value too.
    pub(super) nullable: bool,
    /// The fields of an object.
    pub(super) properties: BTreeMap<String, Structural>,
    /// What the other fields of an object hold; `None`: there are none.
    pub(super) additional: Option<Box<Structural>>,
    /// What a list holds.
    pub(super) items: Option<Box<Structural>>,
    /// Whether fields that it does not name are kept.
    pub(super) preserves_unknown: bool,
    /// Whether it is an object of the API, with `apiVersion`, `kind` and `metadata`.
    pub(super) embedded: bool,
    /// What is filled in where there is nothing.
    pub(super) default: Option<Value>,
    /// How the items of a list are told apart.
    pub(super) list: ListType,
    /// Whether server-side apply treats an object as one value.
    pub(super) atomic: bool,
    /// What the value must be beyond its type.
    pub(super) rules: Rules,
    /// What expressions hold it to.
    pub(super) cel: cel::Declared,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

impl Type {
    pub(super) const ALL: [Self; 6] =
        [Self::Object, Self::Array, Self::String, Self::Integer, Self::Number, Self::Boolean];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|of| of.as_str() == word)
    }

    pub(super) fn fits(self, value: &Value) -> bool {
        match self {
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
            Self::String => value.is_string(),
            Self::Integer => is_whole(value),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
        }
    }
}

/// Whether it is a number without a fraction; `1.0` is one.
pub(super) fn is_whole(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// How the items of a list are told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum ListType {
    /// Not at all: the list is one value.
    #[default]
    Atomic,
    /// By themselves.
    Set,
    /// By these fields.
    Map(Vec<String>),
}

/// What a value must be beyond its type.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) required: Vec<String>,
    pub(super) one_of_values: Option<Vec<Value>>,
    pub(super) pattern: Option<Regex>,
    pub(super) format: Option<String>,
    pub(super) minimum: Option<Bound>,
    pub(super) maximum: Option<Bound>,
    pub(super) multiple_of: Option<f64>,
    pub(super) length: Range,
    pub(super) items: Range,
    pub(super) properties: Range,
    pub(super) all_of: Vec<Structural>,
    pub(super) any_of: Vec<Structural>,
    pub(super) one_of: Vec<Structural>,
    pub(super) not: Option<Box<Structural>>,
}

/// A limit of numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) limit: f64,
    /// Whether the limit itself is out of bounds.
    pub(super) exclusive: bool,
}

/// How many there may be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Range {
    pub(super) min: Option<usize>,
    pub(super) max: Option<usize>,
}

impl Structural {
    /// What the field of that name holds, if the schema knows.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        self.properties.get(name).or(self.additional.as_deref())
    }

    /// Whether anything in it has a default.
    pub(super) fn has_defaults(&self) -> bool {
        let inner = self.properties.values().chain(self.additional.as_deref()).chain(self.items.as_deref());
        self.default.is_some() || inner.into_iter().any(Self::has_defaults)
    }
}
