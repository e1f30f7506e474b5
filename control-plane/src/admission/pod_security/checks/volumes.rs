//! Where a pod's files come from.

use k8s_openapi::api::core::v1::Volume;

use super::super::policy::Policy;
use super::super::subject::Subject;
use super::{Violation, violation};

/// No directories of the node.
pub(super) fn host_path(_: &Policy, subject: &Subject) -> Option<Violation> {
    let volumes = subject.spec.volumes.iter().flatten().filter(|volume| volume.host_path.is_some());
    let told = volumes.map(|volume| format!("volume \"{}\"", volume.name));
    violation("hostPath volumes", told.collect())
}

/// Only sources that need no power over the node.
pub(super) fn kinds(_: &Policy, subject: &Subject) -> Option<Violation> {
    let volumes = subject.spec.volumes.iter().flatten();
    let told = volumes
        .filter(|volume| !is_harmless(volume))
        .map(|volume| format!("volume \"{}\" uses restricted volume type \"{}\"", volume.name, type_of(volume)));
    violation("restricted volume types", told.collect())
}

/// A volume without a source is an empty directory.
fn is_harmless(volume: &Volume) -> bool {
    volume.config_map.is_some()
        || volume.csi.is_some()
        || volume.downward_api.is_some()
        || volume.empty_dir.is_some()
        || volume.ephemeral.is_some()
        || volume.image.is_some()
        || volume.persistent_volume_claim.is_some()
        || volume.projected.is_some()
        || volume.secret.is_some()
        || type_of(volume) == "emptyDir"
}

/// The field that names the source.
fn type_of(volume: &Volume) -> String {
    let value = serde_json::to_value(volume).unwrap_or_default();
    let mut fields = value.as_object().into_iter().flatten().map(|(field, _)| field.clone());
    fields.find(|field| field != "name").unwrap_or_else(|| "emptyDir".to_owned())
}
