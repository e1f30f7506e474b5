//! Kinds that somebody adds at run time, by a CustomResourceDefinition.
//!
//! A definition becomes rows of the kind table ([`rows`]), one a version, and everything that reads the table serves them like
//! built-in kinds. What is particular to them stands in [`Custom`]: a structural schema that finds unknown fields, fills in
//! defaults and validates.
//!
//! ```text
//!  definition ──check──▶ refused, with paths       definition ──rows──▶ Catalogue ──▶ paths, discovery, cache, controllers
//!                                                             (interned: the same definition, the same rows)
//! ```

mod apply;
mod cel;
mod definition;
mod fields;
mod format;
mod json_path;
mod names;
mod read;
mod rows;
mod structural;
mod validate;

use serde_json::Value;

use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::kinds::{Kind, Strategy, Subresource};
use crate::schema::{Schema, SchemaError, TypeId, UnknownField};
use crate::value;
use structural::Structural;

pub use definition::check;
pub(crate) use format::fits as is_format;
pub use json_path::JsonPath;
pub use names::{establish, terminate};
pub use rows::{Full, MAX_BYTES, Rows, rows};

/// Added to a definition that is deleted, until its objects are gone.
pub const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// What is particular to a kind that a definition added.
pub struct Custom {
    structural: Structural,
    fills: bool,
    /// The schema for server-side apply.
    pub(crate) schema: Schema,
    /// The type of the objects in that schema.
    pub(crate) root: TypeId,
    /// The schema as the definition has it.
    pub(crate) openapi: Value,
    /// Where the number of replicas is.
    pub(crate) scale: Option<ScalePaths>,
    /// The webhook that converts between versions, as the definition has it in `spec.conversion.webhook`; without one, versions differ
    /// in nothing but their names.
    conversion: Option<&'static Value>,
    /// The fields that field selectors may ask for.
    selectable: Vec<(&'static str, JsonPath)>,
}

/// Where an object says how many replicas it wants and has.
#[derive(Clone, Debug)]
pub(crate) struct ScalePaths {
    pub(crate) wanted: JsonPath,
    pub(crate) present: JsonPath,
    /// A label selector, as text.
    pub(crate) selector: Option<JsonPath>,
}

impl Custom {
    /// The fields that the schema does not have.
    pub(crate) fn unknown(&self, object: &Value) -> Result<Vec<UnknownField>, SchemaError> {
        fields::unknown(&self.structural, object)
    }

    /// The values that field selectors may ask for. A field that is not there is empty.
    pub(crate) fn selectable(&self, object: &Value) -> Vec<(&'static str, String)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let value = |path: &JsonPath| path.first(object).map(text).unwrap_or_default();
        self.selectable.iter().map(|(name, path)| (*name, value(path))).collect()
    }

    /// What expressions have against an object that its schema has nothing against. `old` is what it was, absent if it is new.
    pub(crate) fn check_rules(&self, object: &Value, old: Option<&Value>, others: &FieldErrors) -> FieldErrors {
        if others.is_empty() {
            return cel::run(&self.structural, object, old);
        }
        let mut errors = FieldErrors::new();
        errors.require(!self.structural.cel.within, || {
            let why = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
            FieldError::invalid(&FieldPath::default(), Value::Null, why)
        });
        errors
    }

    /// Fills in the defaults of an object that was stored before the schema had them. Whether there were any to fill in.
    fn revive(&self, object: &mut Value) -> bool {
        if !self.fills {
            return false;
        }
        let before = object.clone();
        fields::fill(&self.structural, object);
        *object != before
    }
}

impl Strategy for Custom {
    fn default(&self, object: &mut Value) {
        fields::fill(&self.structural, object);
    }

    fn validate(&self, object: &Value) -> FieldErrors {
        validate::validate(&self.structural, object)
    }
}

impl Kind {
    /// Drops `null` where it says nothing that absence does not say: everywhere, but for fields of custom kinds, whose schemas
    /// tell the two apart.
    pub fn drop_nulls(&self, object: &mut Value) {
        match (self.custom, object.get_mut("metadata")) {
            (None, _) => value::drop_nulls(object),
            (Some(_), Some(metadata)) => value::drop_nulls(metadata),
            (Some(_), None) => {}
        }
    }

    /// What is wrong with an object as a client sends it, where that is another version than the one that is stored: each
    /// version has its own schema. The defaults of that version are filled in.
    pub fn check_version(&self, object: &mut Value) -> FieldErrors {
        match (self.custom, self.kept_as) {
            (Some(custom), Some(_)) => {
                custom.default(object);
                let mut errors = custom.validate(object);
                errors.extend(custom.check_rules(object, None, &errors));
                errors
            }
            _ => FieldErrors::new(),
        }
    }

    /// Brings an object of a custom kind, as the store has it, to the form that its definition gives it now: the version that
    /// is stored today, with defaults that the schema did not have when it was written. `None` where it has that form, and where a
    /// webhook must be asked for it.
    pub fn revive(&self, stored: &crate::Object) -> Option<Value> {
        let custom = self.custom?;
        let version = self.api_version();
        let renamed = stored.meta().api_version != version;
        if (renamed && custom.conversion.is_some()) || (!renamed && !custom.fills) {
            return None;
        }
        let mut object = stored.to_value();
        object["apiVersion"] = version.into();
        let filled = custom.revive(&mut object);
        (renamed || filled).then_some(object)
    }

    /// The webhook that converts objects between the versions of a custom kind, as its definition has it.
    pub fn conversion_webhook(&self) -> Option<&'static Value> {
        self.custom?.conversion
    }

    /// Whether strategic merge patches work on the kind: its schema must say how lists merge.
    pub fn merges_strategically(&self) -> bool {
        self.custom.is_none()
    }

    /// Where an object says how many replicas it wants, how many there are, and which pods they are.
    pub(crate) fn scale_of(&self) -> Option<&'static ScalePaths> {
        self.custom.filter(|_| self.has(Subresource::Scale))?.scale.as_ref()
    }
}
