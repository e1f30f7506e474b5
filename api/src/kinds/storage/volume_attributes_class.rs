//! VolumeAttributesClass: attributes that a volume can be given while it is in use.

use serde_json::Value;

use crate::kinds::{Kind, Scope, Strategy};
use crate::table::{Cell, Column, cells, storage};
use crate::validation::rule::Rule;
use crate::{FieldErrors, names, validation};

/// VolumeAttributesClass.
pub static VOLUME_ATTRIBUTES_CLASS: Kind = Kind {
    group: "storage.k8s.io",
    kind: "VolumeAttributesClass",
    plural: "volumeattributesclasses",
    singular: "volumeattributesclass",
    short_names: &["vac"],
    scope: Scope::Cluster,
    columns: &[
        Column { cell: Cell::Of(storage::name_of_class), ..Column::NAME },
        Column::text("DriverName", "The driver that knows them.", |o, _| cells::plain(o, "/driverName")),
        Column::AGE,
    ],
    rules: &[
        Rule::required("driverName"),
        Rule::named("driverName", names::dns_subdomain),
        Rule::immutable("driverName"),
        Rule::immutable("parameters"),
    ],
    strategy: &AttributesStrategy,
    ..Kind::BASE
};

struct AttributesStrategy;

impl Strategy for AttributesStrategy {
    fn validate(&self, class: &Value) -> FieldErrors {
        validation::storage::attributes(class)
    }
}
