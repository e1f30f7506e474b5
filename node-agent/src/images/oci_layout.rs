//! Archives of an OCI image layout: `index.json` names manifests, blobs lie by their digest.

use std::collections::BTreeMap;

use serde::Deserialize;
use xebec_node_plan::image::normalize;

use super::archive::{ArchiveError, ArchivedImage, ImageArchive, TarIndex};
use super::docker_archive::Config;

/// An index may name indexes, but not endlessly.
const DEEPEST: u32 = 4;

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    platform: Option<Platform>,
}

#[derive(Clone, Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

pub(super) fn read(tar: &TarIndex) -> Result<ImageArchive, ArchiveError> {
    let index: Index = tar.json("index.json")?;
    let mut images = Vec::new();
    for descriptor in &index.manifests {
        images.extend(images_of(tar, descriptor, &names(descriptor), DEEPEST)?);
    }
    Ok(ImageArchive { images })
}

fn images_of(
    tar: &TarIndex,
    descriptor: &Descriptor,
    names: &[String],
    depth: u32,
) -> Result<Vec<ArchivedImage>, ArchiveError> {
    if !descriptor.media_type.ends_with("index.v1+json") && !descriptor.media_type.ends_with("manifest.list.v2+json") {
        return Ok(vec![image(tar, descriptor, names)?]);
    }
    let Some(depth) = depth.checked_sub(1) else { return Ok(Vec::new()) };
    let index: Index = tar.json(&path(&descriptor.digest))?;
    let ours = index.manifests.iter().find(|manifest| manifest.platform.as_ref().is_some_and(is_ours));
    let chosen = ours.or(index.manifests.first().filter(|manifest| manifest.platform.is_none()));
    chosen.map_or(Ok(Vec::new()), |manifest| images_of(tar, manifest, names, depth))
}

fn is_ours(platform: &Platform) -> bool {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    platform.os == "linux" && platform.architecture == architecture
}

fn image(tar: &TarIndex, descriptor: &Descriptor, names: &[String]) -> Result<ArchivedImage, ArchiveError> {
    let manifest: Manifest = tar.json(&path(&descriptor.digest))?;
    let config: Config = tar.json(&path(&manifest.config.digest))?;
    let blob = |part: &Descriptor| tar.blob(&path(&part.digest), &part.digest, &part.media_type);
    Ok(ArchivedImage {
        names: names.to_vec(),
        manifest: blob(descriptor)?,
        config: blob(&manifest.config)?,
        layers: manifest.layers.iter().map(blob).collect::<Result<_, _>>()?,
        diff_ids: config.rootfs.diff_ids,
    })
}

fn names(descriptor: &Descriptor) -> Vec<String> {
    let full = descriptor.annotations.get("io.containerd.image.name");
    let short = descriptor.annotations.get("org.opencontainers.image.ref.name");
    full.or(short).map(|name| vec![normalize(name)]).unwrap_or_default()
}

fn path(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}
