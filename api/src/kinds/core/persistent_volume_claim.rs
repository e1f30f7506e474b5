//! PersistentVolumeClaim: storage that somebody asks for.

use serde_json::{Value, json};

use crate::defaults::Fill;
use crate::kinds::{Kind, Strategy, Subresource};
use crate::table::{Column, cells, storage};
use crate::value::text;
use crate::{FieldErrors, validation};

/// PersistentVolumeClaim.
pub static PERSISTENT_VOLUME_CLAIM: Kind = Kind {
    kind: "PersistentVolumeClaim",
    plural: "persistentvolumeclaims",
    singular: "persistentvolumeclaim",
    short_names: &["pvc"],
    subresources: &[Subresource::Status],
    columns: &[
        Column::NAME,
        Column::text("Status", "Whether it has got a volume.", storage::phase),
        Column::text("Volume", "The volume it has got.", |o, _| cells::plain(o, "/spec/volumeName")),
        Column::text("Capacity", "How much the volume holds.", |o, _| {
            storage::if_bound(o, |o| cells::scalar(o, "/status/capacity/storage", ""))
        }),
        Column::text("Access Modes", "How many nodes may use it, and how.", |o, _| {
            storage::if_bound(o, |o| storage::access_modes(o, "/status/accessModes"))
        }),
        Column::text("StorageClass", "The class it asks for.", |o, _| storage::class(o)),
        Column::text("VolumeAttributesClass", "The class of attributes it asks for.", |o, _| {
            cells::or_unset(o, "/spec/volumeAttributesClassName")
        }),
        Column::AGE,
        Column::text("VolumeMode", "Whether it wants a file system.", |o, _| cells::or_unset(o, "/spec/volumeMode"))
            .wide(),
    ],
    selectable: |o| vec![("status.phase", text(o, "/status/phase").unwrap_or_default().to_owned())],
    defaults: &[
        Fill::text("spec.volumeMode", "Filesystem"),
        Fill::canonical("spec.resources.requests"),
        Fill::canonical("spec.resources.limits"),
        Fill::canonical("status.capacity"),
    ],
    rules: validation::storage::CLAIM,
    strategy: &ClaimStrategy,
    ..Kind::BASE
};

struct ClaimStrategy;

impl Strategy for ClaimStrategy {
    fn prepare_create(&self, claim: &mut Value) {
        claim["status"] = json!({ "phase": "Pending" });
    }

    fn validate(&self, claim: &Value) -> FieldErrors {
        validation::storage::claim(claim)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::storage::claim_update(new, old)
    }
}
