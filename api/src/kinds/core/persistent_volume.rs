//! PersistentVolume: a piece of storage that outlives the pods that use it.

use serde_json::{Value, json};

use crate::defaults::Fill;
use crate::kinds::{Kind, Scope, Strategy, Subresource};
use crate::table::{Column, cells, storage};
use crate::validation::rule::Rule;
use crate::{FieldErrors, names, validation};

/// PersistentVolume.
pub static PERSISTENT_VOLUME: Kind = Kind {
    kind: "PersistentVolume",
    plural: "persistentvolumes",
    singular: "persistentvolume",
    short_names: &["pv"],
    scope: Scope::Cluster,
    subresources: &[Subresource::Status],
    columns: &[
        Column::NAME,
        Column::text("Capacity", "How much it holds.", |o, _| cells::scalar(o, "/spec/capacity/storage", "")),
        Column::text("Access Modes", "How many nodes may use it, and how.", |o, _| {
            storage::access_modes(o, "/spec/accessModes")
        }),
        Column::text("Reclaim Policy", "What becomes of it once its claim is gone.", |o, _| {
            cells::plain(o, "/spec/persistentVolumeReclaimPolicy")
        }),
        Column::text("Status", "Whether a claim holds it.", storage::phase),
        Column::text("Claim", "The claim that holds it.", |o, _| storage::claim(o)),
        Column::text("StorageClass", "Its class.", |o, _| storage::class(o)),
        Column::text("VolumeAttributesClass", "The class of its attributes.", |o, _| {
            cells::or_unset(o, "/spec/volumeAttributesClassName")
        }),
        Column::text("Reason", "Why it is in this state.", |o, _| cells::plain(o, "/status/reason")),
        Column::AGE,
        Column::text("VolumeMode", "Whether it has a file system.", |o, _| cells::or_unset(o, "/spec/volumeMode"))
            .wide(),
    ],
    defaults: &[
        Fill::text("spec.persistentVolumeReclaimPolicy", "Retain"),
        Fill::text("spec.volumeMode", "Filesystem"),
        Fill::text("spec.hostPath.type", ""),
        Fill::canonical("spec.capacity"),
    ],
    rules: &[
        Rule::required("spec.capacity"),
        Rule::required("spec.capacity.storage"),
        Rule::amount("spec.capacity{}"),
        Rule::required("spec.accessModes"),
        Rule::one_of("spec.accessModes[]", &validation::storage::ACCESS_MODES),
        Rule::one_of("spec.persistentVolumeReclaimPolicy", &["Delete", "Recycle", "Retain"]),
        Rule::one_of("spec.volumeMode", &["Block", "Filesystem"]),
        Rule::named("spec.storageClassName", names::dns_subdomain),
        Rule::named("spec.volumeAttributesClassName", names::dns_subdomain),
        Rule::required("spec.nodeAffinity.required.nodeSelectorTerms"),
        Rule::required("spec.hostPath.path"),
        Rule::required("spec.local.path"),
        Rule::required("spec.nfs.server"),
        Rule::required("spec.nfs.path"),
        Rule::required("spec.csi.driver"),
        Rule::required("spec.csi.volumeHandle"),
        Rule::immutable("spec.volumeMode"),
    ],
    strategy: &PersistentVolumeStrategy,
    ..Kind::BASE
};

struct PersistentVolumeStrategy;

impl Strategy for PersistentVolumeStrategy {
    fn prepare_create(&self, volume: &mut Value) {
        volume["status"] = json!({ "phase": "Pending" });
    }

    fn validate(&self, volume: &Value) -> FieldErrors {
        validation::storage::volume(volume)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::storage::volume_update(new, old)
    }
}
