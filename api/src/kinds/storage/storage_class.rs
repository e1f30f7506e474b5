//! StorageClass: how volumes of a class are made.

use serde_json::{Value, json};

use crate::defaults::Fill;
use crate::kinds::{Kind, Scope, Strategy};
use crate::table::{Cell, Column, cells, storage};
use crate::validation::rule::Rule;
use crate::{FieldErrors, validation};

/// StorageClass.
pub static STORAGE_CLASS: Kind = Kind {
    group: "storage.k8s.io",
    kind: "StorageClass",
    plural: "storageclasses",
    singular: "storageclass",
    short_names: &["sc"],
    scope: Scope::Cluster,
    columns: &[
        Column { cell: Cell::Of(storage::name_of_class), ..Column::NAME },
        Column::text("Provisioner", "Who makes the volumes.", |o, _| cells::plain(o, "/provisioner")),
        Column::text("ReclaimPolicy", "What becomes of a volume once its claim is gone.", |o, _| {
            cells::scalar(o, "/reclaimPolicy", "Delete")
        }),
        Column::text("VolumeBindingMode", "When a volume is made.", |o, _| {
            cells::scalar(o, "/volumeBindingMode", "Immediate")
        }),
        Column::text("AllowVolumeExpansion", "Whether claims may grow.", |o, _| may_expand(o)),
        Column::AGE,
    ],
    defaults: &[Fill::text("reclaimPolicy", "Delete"), Fill::text("volumeBindingMode", "Immediate")],
    rules: &[
        Rule::required("provisioner"),
        Rule::one_of("reclaimPolicy", &["Delete", "Retain"]),
        Rule::one_of("volumeBindingMode", &["Immediate", "WaitForFirstConsumer"]),
        Rule::required("allowedTopologies[].matchLabelExpressions[].key"),
        Rule::required("allowedTopologies[].matchLabelExpressions[].values"),
        Rule::immutable("provisioner"),
        Rule::immutable("parameters"),
        Rule::immutable("reclaimPolicy"),
        Rule::immutable("volumeBindingMode"),
    ],
    strategy: &StorageClassStrategy,
    ..Kind::BASE
};

fn may_expand(class: &Value) -> Value {
    json!((class["allowVolumeExpansion"] == true).to_string())
}

struct StorageClassStrategy;

impl Strategy for StorageClassStrategy {
    fn validate(&self, class: &Value) -> FieldErrors {
        validation::storage::class(class)
    }
}
