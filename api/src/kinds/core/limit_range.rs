//! LimitRange: what a container, pod or claim of a namespace may ask for, and what it gets if it asks for nothing.

use serde_json::Value;

use crate::kinds::{Kind, Strategy};
use crate::table::Column;
use crate::validation::rule::Rule;
use crate::{FieldErrors, defaults, validation, value};

/// LimitRange.
pub static LIMIT_RANGE: Kind = Kind {
    kind: "LimitRange",
    plural: "limitranges",
    singular: "limitrange",
    short_names: &["limits"],
    columns: &[Column::NAME, Column::CREATED_AT],
    rules: &[Rule::required("spec.limits[].type")],
    strategy: &LimitRangeStrategy,
    ..Kind::BASE
};

struct LimitRangeStrategy;

impl Strategy for LimitRangeStrategy {
    fn default(&self, range: &mut Value) {
        let Some(spec) = value::child(range, "spec") else { return };
        value::items(spec, "limits").for_each(defaults::limits::item);
    }

    fn validate(&self, range: &Value) -> FieldErrors {
        validation::typed(range, validation::limits::validate)
    }
}
