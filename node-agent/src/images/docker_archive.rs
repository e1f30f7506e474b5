//! Archives as `docker save` writes them: `manifest.json` names a configuration and layers, but no image manifest.

use serde::Deserialize;
use serde_json::json;
use xebec_node_plan::image::normalize;

use super::archive::{ArchiveError, ArchivedImage, Blob, ImageArchive, Place, TarIndex, sha256};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// What an image's configuration says of its layers.
#[derive(Deserialize)]
pub(super) struct Config {
    pub(super) rootfs: RootFs,
}

#[derive(Deserialize)]
pub(super) struct RootFs {
    #[serde(default)]
    pub(super) diff_ids: Vec<String>,
}

pub(super) fn read(tar: &TarIndex) -> Result<ImageArchive, ArchiveError> {
    let items: Vec<Item> = tar.json("manifest.json")?;
    let images = items.iter().map(|item| image(tar, item)).collect::<Result<_, _>>()?;
    Ok(ImageArchive { images })
}

fn image(tar: &TarIndex, item: &Item) -> Result<ArchivedImage, ArchiveError> {
    let bytes = tar.bytes(&item.config)?;
    let parsed: Config = tar.json(&item.config)?;
    let config = memory_blob(bytes, CONFIG);
    let layers = item.layers.iter().map(|layer| layer_blob(tar, layer)).collect::<Result<Vec<_>, _>>()?;
    let descriptor = |blob: &Blob| json!({ "mediaType": blob.media_type, "digest": blob.digest, "size": blob.size });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(&config),
        "layers": layers.iter().map(descriptor).collect::<Vec<_>>(),
    });
    let manifest = memory_blob(manifest.to_string().into_bytes(), MANIFEST);
    let names = item.repo_tags.iter().flatten().map(|tag| normalize(tag)).collect();
    Ok(ArchivedImage { names, manifest, config, layers, diff_ids: parsed.rootfs.diff_ids })
}

fn layer_blob(tar: &TarIndex, name: &str) -> Result<Blob, ArchiveError> {
    let (digest, gzipped) = tar.digest(name)?;
    tar.blob(name, &digest, if gzipped { LAYER_GZIP } else { LAYER })
}

fn memory_blob(bytes: Vec<u8>, media_type: &str) -> Blob {
    Blob {
        digest: sha256(&bytes),
        size: bytes.len() as u64,
        media_type: media_type.to_owned(),
        place: Place::Bytes(bytes),
    }
}
