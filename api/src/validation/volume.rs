//! The rules of volumes.

use k8s_openapi::api::core::v1::{KeyToPath, Volume, VolumeProjection};

use super::{local_path, named, no_backsteps, one_of, required, required_name, resources};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;

const HOST_PATH_TYPES: [&str; 8] =
    ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/// What is wrong with the volume.
pub fn validate(volume: &Volume, path: &FieldPath, errors: &mut FieldErrors) {
    required_name(errors, &path.child("name"), &volume.name, names::dns_label);
    match sources(volume) {
        0 => errors.push(FieldError::required(path, "must specify a volume type")),
        1 => {}
        _ => errors.push(FieldError::forbidden(path, "may not specify more than 1 volume type")),
    }
    if let Some(host) = &volume.host_path {
        let path = path.child("hostPath");
        required(errors, &path.child("path"), &host.path);
        no_backsteps(errors, &path.child("path"), &host.path);
        one_of(errors, &path.child("type"), host.type_.as_deref(), &HOST_PATH_TYPES);
    }
    if let Some(limit) = volume.empty_dir.as_ref().and_then(|e| e.size_limit.as_ref()) {
        resources::amount(limit, &path.child("emptyDir").child("sizeLimit"), errors);
    }
    if let Some(claim) = &volume.persistent_volume_claim {
        required(errors, &path.child("persistentVolumeClaim").child("claimName"), &claim.claim_name);
    }
    files(volume, path, errors);
}

/// How many sources the volume names. Counted on the JSON form, so that none of the many types is forgotten.
fn sources(volume: &Volume) -> usize {
    let value = serde_json::to_value(volume).unwrap_or_default();
    value.as_object().map_or(0, |fields| fields.keys().filter(|key| *key != "name").count())
}

fn files(volume: &Volume, path: &FieldPath, errors: &mut FieldErrors) {
    if let Some(secret) = &volume.secret {
        let path = path.child("secret");
        required(errors, &path.child("secretName"), secret.secret_name.as_deref().unwrap_or_default());
        mode(secret.default_mode, &path.child("defaultMode"), errors);
        keys(secret.items.as_deref().unwrap_or_default(), &path.child("items"), errors);
    }
    if let Some(map) = &volume.config_map {
        let path = path.child("configMap");
        required(errors, &path.child("name"), &map.name);
        mode(map.default_mode, &path.child("defaultMode"), errors);
        keys(map.items.as_deref().unwrap_or_default(), &path.child("items"), errors);
    }
    if let Some(projected) = &volume.projected {
        let path = path.child("projected");
        mode(projected.default_mode, &path.child("defaultMode"), errors);
        for (index, source) in projected.sources.iter().flatten().enumerate() {
            projection(source, &path.child("sources").index(index), errors);
        }
    }
    if let Some(downward) = &volume.downward_api {
        let path = path.child("downwardAPI");
        mode(downward.default_mode, &path.child("defaultMode"), errors);
        for (index, item) in downward.items.iter().flatten().enumerate() {
            file_path(&item.path, &path.child("items").index(index).child("path"), errors);
        }
    }
}

fn projection(source: &VolumeProjection, path: &FieldPath, errors: &mut FieldErrors) {
    if let Some(secret) = &source.secret {
        required(errors, &path.child("secret").child("name"), &secret.name);
        keys(secret.items.as_deref().unwrap_or_default(), &path.child("secret").child("items"), errors);
    }
    if let Some(map) = &source.config_map {
        required(errors, &path.child("configMap").child("name"), &map.name);
        keys(map.items.as_deref().unwrap_or_default(), &path.child("configMap").child("items"), errors);
    }
    if let Some(token) = &source.service_account_token {
        let path = path.child("serviceAccountToken");
        super::at_least(errors, &path.child("expirationSeconds"), token.expiration_seconds, 600);
        file_path(&token.path, &path.child("path"), errors);
    }
    if let Some(downward) = &source.downward_api {
        for (index, item) in downward.items.iter().flatten().enumerate() {
            file_path(&item.path, &path.child("downwardAPI").child("items").index(index).child("path"), errors);
        }
    }
}

fn keys(items: &[KeyToPath], path: &FieldPath, errors: &mut FieldErrors) {
    for (index, item) in items.iter().enumerate() {
        let path = path.index(index);
        if required(errors, &path.child("key"), &item.key) {
            named(errors, &path.child("key"), &item.key, names::config_key);
        }
        file_path(&item.path, &path.child("path"), errors);
        mode(item.mode, &path.child("mode"), errors);
    }
}

fn file_path(text: &str, path: &FieldPath, errors: &mut FieldErrors) {
    required(errors, path, text);
    local_path(errors, path, text);
}

fn mode(mode: Option<i32>, path: &FieldPath, errors: &mut FieldErrors) {
    if let Some(mode) = mode.filter(|mode| !(0..=0o777).contains(mode)) {
        errors.push(FieldError::invalid(path, mode, "must be a file mode between 0 and 0777 (octal)"));
    }
}
