//! ConfigMap: configuration that is no secret.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use super::Kind;
use crate::schema;
use crate::table::Column;
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
    schema: schema::check::<ConfigMap>,
    ..Kind::BASE
};

fn count(object: &Value) -> usize {
    entries(object, "/data").count() + entries(object, "/binaryData").count()
}
