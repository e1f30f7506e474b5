//! An image as one tar file that is both an OCI image layout and what `docker load` reads, as current tools write it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

/// An image of one layer.
pub struct Image {
    /// Its full name with tag.
    pub name: &'static str,
    /// An uncompressed tar.
    pub layer: Vec<u8>,
    /// What always runs.
    pub entrypoint: Vec<String>,
    /// Its arguments, unless the pod names others.
    pub command: Vec<String>,
}

impl Image {
    /// Writes the archive into `folder`, complete or not at all: an agent may be looking.
    pub fn save(&self, folder: &Path) -> Result<PathBuf> {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        let stem = self.name.replace(['/', ':'], "-");
        let (partial, path) = (folder.join(format!(".{stem}.partial")), folder.join(format!("{stem}.tar")));
        std::fs::write(&partial, self.archive()?).with_context(|| format!("write {}", partial.display()))?;
        std::fs::rename(&partial, &path).with_context(|| format!("rename to {}", path.display()))?;
        Ok(path)
    }

    /// The archive's bytes.
    pub fn archive(&self) -> Result<Vec<u8>> {
        let config = encode(&self.config())?;
        let manifest = encode(&self.manifest(&config))?;
        let mut tar = Builder::new(Vec::new());
        add(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        add(&mut tar, "index.json", &encode(&self.index(&manifest))?)?;
        add(&mut tar, "manifest.json", &encode(&self.docker_manifest(&config))?)?;
        for blob in [&config, &manifest, &self.layer] {
            add(&mut tar, &blob_path(blob), blob)?;
        }
        tar.into_inner().context("finish the archive")
    }

    fn config(&self) -> Value {
        json!({
            "architecture": architecture(),
            "os": "linux",
            "config": { "Env": ["PATH=/bin"], "Entrypoint": self.entrypoint, "Cmd": self.command },
            "rootfs": { "type": "layers", "diff_ids": [digest(&self.layer)] },
        })
    }

    fn manifest(&self, config: &[u8]) -> Value {
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &self.layer)],
        })
    }

    fn index(&self, manifest: &[u8]) -> Value {
        let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", manifest);
        let tag = self.name.rsplit_once(':').map_or(self.name, |(_, tag)| tag);
        entry["annotations"] =
            json!({ "io.containerd.image.name": self.name, "org.opencontainers.image.ref.name": tag });
        json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry] })
    }

    fn docker_manifest(&self, config: &[u8]) -> Value {
        json!([{ "Config": blob_path(config), "RepoTags": [self.name], "Layers": [blob_path(&self.layer)] }])
    }
}

fn encode(value: &Value) -> Result<Vec<u8>> {
    serde_json::to_vec(value).context("encode JSON")
}

/// As Go, and so OCI, calls this machine.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest(bytes), "size": bytes.len() })
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(bytes))
}

fn blob_path(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", hex(bytes))
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn add(tar: &mut Builder<Vec<u8>>, path: &str, bytes: &[u8]) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, path, bytes).with_context(|| format!("add {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Image {
        Image {
            name: "localhost/a:1",
            layer: b"layer".to_vec(),
            entrypoint: vec!["/a".to_owned()],
            command: Vec::new(),
        }
    }

    fn names(archive: &[u8]) -> Vec<String> {
        let mut tar = tar::Archive::new(archive);
        let entries = tar.entries().expect("an archive");
        entries.map(|entry| entry.expect("an entry").path().expect("a path").display().to_string()).collect()
    }

    #[test]
    fn every_blob_is_named_by_its_digest() {
        let archive = image().archive().expect("made in memory");
        let mut tar = tar::Archive::new(archive.as_slice());
        for entry in tar.entries().expect("an archive") {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").display().to_string();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).expect("from memory");
            if let Some(name) = path.strip_prefix("blobs/sha256/") {
                assert_eq!(name, hex(&bytes));
            }
        }
    }

    #[test]
    fn both_kinds_of_reader_find_their_entry() {
        let names = names(&image().archive().expect("made in memory"));
        assert_eq!(names.len(), 6);
        assert!(
            ["oci-layout", "index.json", "manifest.json"].iter().all(|name| names.iter().any(|found| found == name))
        );
    }

    #[test]
    fn the_same_content_makes_the_same_archive() {
        assert_eq!(image().archive().expect("made"), image().archive().expect("made"));
    }
}
