//! The files of configMap, secret, downwardAPI and projected volumes.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, KeyToPath, Volume, VolumeProjection};

use crate::env::EnvError;
use crate::field::Surroundings;
use crate::references::{ReferenceKind, References};
use crate::tokens::TokenKey;

/// Mode of files that name none.
const DEFAULT_MODE: u32 = 0o644;

/// A file of a volume.
#[derive(Clone, PartialEq, Eq)]
pub struct VolumeFile {
    /// What is in it.
    pub content: Vec<u8>,
    /// Its permissions.
    pub mode: u32,
}

impl std::fmt::Debug for VolumeFile {
    /// Without the content, which may be secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} bytes, mode {:o}", self.content.len(), self.mode)
    }
}

/// Files by their path within the volume.
pub type Files = BTreeMap<String, VolumeFile>;

/// The files of a volume cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    /// Something they are made from is missing.
    #[error(transparent)]
    Missing(#[from] EnvError),
    /// A path leads out of the volume.
    #[error("path \"{0}\" is not within the volume")]
    Path(String),
    /// No master has given a token yet.
    #[error("the service account's token has not come yet")]
    NoToken,
    /// A source that this node does not know how to provide.
    #[error("volume source {0} is not supported")]
    Unsupported(&'static str),
}

/// Whether a volume's files come from the API rather than from the node.
pub fn is_rendered(volume: &Volume) -> bool {
    volume.config_map.is_some()
        || volume.secret.is_some()
        || volume.downward_api.is_some()
        || volume.projected.is_some()
}

/// Whether a volume may hold secrets, and so must not reach a disk.
pub fn is_secret(volume: &Volume) -> bool {
    let projected = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
    let secret = |source: &VolumeProjection| source.secret.is_some() || source.service_account_token.is_some();
    volume.secret.is_some() || projected.into_iter().any(secret)
}

/// The files of a configMap, secret, downwardAPI or projected volume.
pub fn render(volume: &Volume, references: &References, around: &Surroundings<'_>) -> Result<Files, FilesError> {
    if let Some(source) = &volume.config_map {
        let pick = Pick::new(ReferenceKind::ConfigMap, &source.name, source.items.as_deref(), source.optional);
        return pick.files(references, mode(source.default_mode));
    }
    if let Some(source) = &volume.secret {
        let name = source.secret_name.as_deref().unwrap_or_default();
        let pick = Pick::new(ReferenceKind::Secret, name, source.items.as_deref(), source.optional);
        return pick.files(references, mode(source.default_mode));
    }
    if let Some(source) = &volume.downward_api {
        return downward(source.items.as_deref(), mode(source.default_mode), around);
    }
    let Some(source) = &volume.projected else { return Ok(Files::new()) };
    let mut files = Files::new();
    for part in source.sources.iter().flatten() {
        files.extend(projection(part, mode(source.default_mode), references, around)?);
    }
    Ok(files)
}

fn projection(
    part: &VolumeProjection,
    mode: u32,
    references: &References,
    around: &Surroundings<'_>,
) -> Result<Files, FilesError> {
    if let Some(source) = &part.config_map {
        let pick = Pick::new(ReferenceKind::ConfigMap, &source.name, source.items.as_deref(), source.optional);
        return pick.files(references, mode);
    }
    if let Some(source) = &part.secret {
        let pick = Pick::new(ReferenceKind::Secret, &source.name, source.items.as_deref(), source.optional);
        return pick.files(references, mode);
    }
    if let Some(source) = &part.downward_api {
        return downward(source.items.as_deref(), mode, around);
    }
    if let Some(source) = &part.service_account_token {
        let token = references.tokens().get(&TokenKey::of(source)).ok_or(FilesError::NoToken)?;
        let file = VolumeFile { content: token.as_bytes().to_vec(), mode };
        return Ok(Files::from([(within(&source.path)?, file)]));
    }
    Err(FilesError::Unsupported(match part {
        VolumeProjection { cluster_trust_bundle: Some(_), .. } => "clusterTrustBundle",
        _ => "projected",
    }))
}

struct Pick<'a> {
    kind: ReferenceKind,
    name: &'a str,
    items: Option<&'a [KeyToPath]>,
    optional: bool,
}

impl<'a> Pick<'a> {
    fn new(kind: ReferenceKind, name: &'a str, items: Option<&'a [KeyToPath]>, optional: Option<bool>) -> Pick<'a> {
        Pick { kind, name, items, optional: optional == Some(true) }
    }

    fn files(&self, references: &References, mode: u32) -> Result<Files, FilesError> {
        let Some(values) = references.get(self.kind, self.name) else {
            let error = EnvError::NoObject { kind: self.kind, name: self.name.to_owned() };
            return if self.optional { Ok(Files::new()) } else { Err(error.into()) };
        };
        let Some(items) = self.items else {
            let file =
                |(key, content): (&String, &Vec<u8>)| (key.clone(), VolumeFile { content: content.clone(), mode });
            return Ok(values.iter().map(file).collect());
        };
        let mut files = Files::new();
        for item in items {
            match values.get(&item.key) {
                Some(content) => {
                    let file = VolumeFile { content: content.clone(), mode: item.mode.map_or(mode, mode_bits) };
                    files.insert(within(&item.path)?, file);
                }
                None if self.optional => {}
                None => return Err(self.no_key(&item.key).into()),
            }
        }
        Ok(files)
    }

    fn no_key(&self, key: &str) -> EnvError {
        EnvError::NoKey { kind: self.kind, name: self.name.to_owned(), key: key.to_owned() }
    }
}

fn downward(
    items: Option<&[DownwardAPIVolumeFile]>,
    mode: u32,
    around: &Surroundings<'_>,
) -> Result<Files, FilesError> {
    let mut files = Files::new();
    for item in items.unwrap_or_default() {
        let field = item.field_ref.as_ref().map(|selector| (around.field(selector), &selector.field_path));
        let resource = item.resource_field_ref.as_ref();
        let resource = resource.map(|selector| (around.resource(selector, None), &selector.resource));
        let Some((value, name)) = field.or(resource) else { continue };
        let content = value.ok_or_else(|| EnvError::NoField(name.clone()))?.into_bytes();
        files.insert(within(&item.path)?, VolumeFile { content, mode: item.mode.map_or(mode, mode_bits) });
    }
    Ok(files)
}

/// A path that stays within the volume, and out of the names that the volume itself uses.
fn within(path: &str) -> Result<String, FilesError> {
    let plain = !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if plain && !path.starts_with("..") { Ok(path.to_owned()) } else { Err(FilesError::Path(path.to_owned())) }
}

fn mode(mode: Option<i32>) -> u32 {
    mode.map_or(DEFAULT_MODE, mode_bits)
}

fn mode_bits(mode: i32) -> u32 {
    u32::try_from(mode).unwrap_or(DEFAULT_MODE) & 0o777
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_within_the_volume() {
        assert_eq!(within("a/b"), Ok("a/b".into()));
        for path in ["", "/a", "../a", "a/../b", "..data", "a/.."] {
            assert_eq!(within(path), Err(FilesError::Path(path.into())), "{path}");
        }
    }
}
