//! ConfigMap: configuration that is no secret.

use serde_json::{Value, json};

use crate::field::FieldErrors;
use crate::kinds::{Kind, Strategy};
use crate::table::Column;
use crate::validation;
use crate::value::entries;

/// ConfigMap.
pub static CONFIG_MAP: Kind = Kind {
    kind: "ConfigMap",
    plural: "configmaps",
    singular: "configmap",
    short_names: &["cm"],
    columns: &[
        Column::NAME,
        Column::number("Data", "How many entries there are.", |o, _| json!(count(o))),
        Column::AGE,
    ],
    strategy: &ConfigMapStrategy,
    ..Kind::BASE
};

fn count(object: &Value) -> usize {
    entries(object, "/data").count() + entries(object, "/binaryData").count()
}

struct ConfigMapStrategy;

impl Strategy for ConfigMapStrategy {
    fn validate(&self, object: &Value) -> FieldErrors {
        validation::typed(object, validation::data::config_map)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::data::immutable(new, old)
    }
}
