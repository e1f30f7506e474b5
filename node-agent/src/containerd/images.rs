//! Images in containerd: content, image records, unpacked snapshots.
//!
//! Everything is streamed, under a lease that keeps half an image from being collected. Labels on the manifest and the
//! configuration keep content and snapshots afterwards.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use containerd_client::services::v1::snapshots::{
    CommitSnapshotRequest, PrepareSnapshotRequest, RemoveSnapshotRequest, StatSnapshotRequest,
};
use containerd_client::services::v1::{
    ApplyRequest, CreateImageRequest, CreateRequest, DeleteRequest, Image as ImageRecord, Info, InfoRequest,
    ListImagesRequest, ReadContentRequest, UpdateImageRequest, UpdateRequest, WriteAction, WriteContentRequest,
};
use containerd_client::types::{Descriptor, Mount};
use prost_types::FieldMask;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use xebec_node_plan::process::ImageConfig;

use super::client::{CALL, Containerd, TRANSFER, call, gone_is_done, leased, ours, refused};
use super::runtime::{Image, RuntimeError};
use crate::images::{ArchivedImage, Blob, ImageArchive, Place};

/// Bytes of one message to the content store.
const CHUNK: usize = 1 << 20;
/// Manifests and configurations are no longer than this.
const LONGEST_JSON: i64 = 8 << 20;

#[derive(Deserialize)]
struct Manifest {
    config: ConfigDescriptor,
    #[serde(default)]
    layers: Vec<ConfigDescriptor>,
}

#[derive(Deserialize)]
struct ConfigDescriptor {
    digest: String,
    #[serde(default)]
    size: u64,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    config: Option<ImageConfig>,
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Vec<String>,
}

/// A layer to be unpacked.
struct Layer<'a> {
    blob: &'a Blob,
    /// What it must unpack to.
    diff_id: &'a str,
    /// Its snapshot's name.
    chain_id: &'a str,
    /// That of the layer below; empty: none.
    parent: &'a str,
}

impl Containerd {
    /// What an image record stands for; absent if its content is gone.
    pub(super) async fn describe_image(
        &self,
        name: &str,
        target: Option<Descriptor>,
    ) -> Result<Option<Image>, RuntimeError> {
        let Some(target) = target else { return Ok(None) };
        let manifest: Manifest = match self.read_json(&target.digest).await {
            Ok(manifest) => manifest,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let configuration: Configuration = self.read_json(&manifest.config.digest).await?;
        Ok(Some(Image {
            name: name.to_owned(),
            id: manifest.config.digest,
            config: configuration.config.unwrap_or_default(),
            chain_id: chain_ids(&configuration.rootfs.diff_ids).pop().unwrap_or_default(),
        }))
    }

    pub(super) async fn list_images(&self) -> Result<Vec<(String, u64)>, RuntimeError> {
        let request = ours(ListImagesRequest { filters: Vec::new() });
        let records = call("list", "images", CALL, self.image_store().list(request)).await?.images;
        let mut images = Vec::new();
        for record in records {
            let Some(target) = record.target else { continue };
            let size = match self.read_json::<Manifest>(&target.digest).await {
                Ok(manifest) => manifest.layers.iter().map(|layer| layer.size).sum(),
                Err(_) => 0,
            };
            images.push((record.name, size));
        }
        Ok(images)
    }

    pub(super) async fn import_archive(&self, archive: &ImageArchive) -> Result<Vec<String>, RuntimeError> {
        let lease = format!("import-{}", uuid::Uuid::new_v4().simple());
        let request = ours(CreateRequest { id: lease.clone(), labels: HashMap::new() });
        call("create lease", &lease, CALL, self.leases().create(request)).await?;
        let mut names = Vec::new();
        let mut outcome = Ok(());
        for image in &archive.images {
            outcome = self.import_image(image, &lease).await;
            if outcome.is_err() {
                break;
            }
            names.extend(image.names.iter().cloned());
        }
        let request = ours(DeleteRequest { id: lease.clone(), sync: false });
        gone_is_done(call("delete lease", &lease, CALL, self.leases().delete(request)).await)?;
        outcome.map(|()| names)
    }

    async fn import_image(&self, image: &ArchivedImage, lease: &str) -> Result<(), RuntimeError> {
        if image.layers.len() != image.diff_ids.len() {
            let (layers, named) = (image.layers.len(), image.diff_ids.len());
            return Err(RuntimeError::Invalid(format!(
                "the image has {layers} layers, its configuration names {named}"
            )));
        }
        let snapshotter = &self.settings.snapshotter;
        for layer in &image.layers {
            self.write_blob(layer, HashMap::new(), lease).await?;
        }
        let chain_ids = chain_ids(&image.diff_ids);
        let top = chain_ids.last().cloned().unwrap_or_default();
        let keeps_snapshot = HashMap::from([(format!("containerd.io/gc.ref.snapshot.{snapshotter}"), top)]);
        self.write_blob(&image.config, keeps_snapshot, lease).await?;
        let kept = std::iter::once(&image.config).chain(&image.layers).enumerate();
        let keeps = kept.map(|(number, blob)| (format!("containerd.io/gc.ref.content.{number}"), blob.digest.clone()));
        self.write_blob(&image.manifest, keeps.collect(), lease).await?;
        let mut parent = "";
        for ((layer, diff_id), chain_id) in image.layers.iter().zip(&image.diff_ids).zip(&chain_ids) {
            self.unpack(&Layer { blob: layer, diff_id, chain_id, parent }, lease).await?;
            parent = chain_id;
        }
        for name in &image.names {
            self.name_image(name, &image.manifest, lease).await?;
        }
        Ok(())
    }

    async fn name_image(&self, name: &str, manifest: &Blob, lease: &str) -> Result<(), RuntimeError> {
        let target = Some(descriptor(manifest));
        let record = ImageRecord { name: name.to_owned(), target, ..ImageRecord::default() };
        let update = UpdateImageRequest {
            image: Some(record.clone()),
            update_mask: Some(FieldMask { paths: vec!["target".to_owned()] }),
            source_date_epoch: None,
        };
        match call("update image", name, CALL, self.image_store().update(leased(update, lease))).await {
            Err(error) if error.is_not_found() => {}
            other => return other.map(|_| ()),
        }
        let create = CreateImageRequest { image: Some(record), source_date_epoch: None };
        call("create image", name, CALL, self.image_store().create(leased(create, lease))).await.map(|_| ())
    }

    /// Makes a layer's snapshot, unless it is there.
    async fn unpack(&self, layer: &Layer<'_>, lease: &str) -> Result<(), RuntimeError> {
        let (snapshotter, chain_id) = (self.settings.snapshotter.clone(), layer.chain_id);
        let stat = StatSnapshotRequest { snapshotter: snapshotter.clone(), key: chain_id.to_owned() };
        match call("find layer", chain_id, CALL, self.snapshots().stat(ours(stat))).await {
            Err(error) if error.is_not_found() => {}
            other => return other.map(|_| ()),
        }
        let key = format!("unpack-{}", uuid::Uuid::new_v4().simple());
        let prepare = PrepareSnapshotRequest {
            snapshotter: snapshotter.clone(),
            key: key.clone(),
            parent: layer.parent.to_owned(),
            labels: HashMap::new(),
        };
        let answer = call("prepare layer", chain_id, CALL, self.snapshots().prepare(leased(prepare, lease))).await?;
        let applied = self.apply(layer, answer.mounts, lease).await;
        if applied.is_err() {
            let remove = RemoveSnapshotRequest { snapshotter, key };
            gone_is_done(call("remove layer", chain_id, CALL, self.snapshots().remove(ours(remove))).await)?;
            return applied;
        }
        let commit = CommitSnapshotRequest { snapshotter, name: chain_id.to_owned(), key, labels: HashMap::new() };
        call("commit layer", chain_id, CALL, self.snapshots().commit(leased(commit, lease))).await
    }

    /// Unpacks a layer. It must be what the configuration says: other images will take its snapshot for theirs.
    async fn apply(&self, layer: &Layer<'_>, mounts: Vec<Mount>, lease: &str) -> Result<(), RuntimeError> {
        let (diff, digest) = (Some(descriptor(layer.blob)), &layer.blob.digest);
        let request = ApplyRequest { diff, mounts, payloads: HashMap::new(), sync_fs: false };
        let answer = call("unpack layer", digest, TRANSFER, self.diff().apply(leased(request, lease))).await?;
        let found = answer.applied.map(|applied| applied.digest).unwrap_or_default();
        if found == layer.diff_id {
            return Ok(());
        }
        Err(RuntimeError::Invalid(format!("layer {digest} unpacks to {found}, its image says {}", layer.diff_id)))
    }

    /// Stores content, unless it is there; its labels are set either way.
    async fn write_blob(&self, blob: &Blob, labels: HashMap<String, String>, lease: &str) -> Result<(), RuntimeError> {
        let request = leased(InfoRequest { digest: blob.digest.clone() }, lease);
        match call("find content", &blob.digest, CALL, self.content().info(request)).await {
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
            Ok(_) if labels.is_empty() => return Ok(()),
            Ok(_) => return self.label(blob, labels, lease).await,
        }
        let (sender, receiver) = mpsc::channel(2);
        let (blob_of_reader, reference) = (blob.clone(), format!("{lease}-{}", blob.digest));
        let reader = tokio::task::spawn_blocking(move || send_blob(&blob_of_reader, reference, labels, &sender));
        let mut answers = call(
            "write content",
            &blob.digest,
            TRANSFER,
            self.content().write(leased(ReceiverStream::new(receiver), lease)),
        )
        .await?;
        let drained = async {
            while let Some(_answer) = answers.message().await? {}
            Ok(())
        };
        match tokio::time::timeout(TRANSFER, drained).await {
            Err(_) => return Err(RuntimeError::Timeout { operation: "write content", object: blob.digest.clone() }),
            Ok(Err(status)) if tonic::Code::AlreadyExists == tonic::Status::code(&status) => {}
            Ok(Err(status)) => return Err(refused("write content", &blob.digest, status)),
            Ok(Ok(())) => {}
        }
        match reader.await {
            Ok(Err(source)) => Err(RuntimeError::Io { operation: "read", path: blob_path(blob), source }),
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    async fn label(&self, blob: &Blob, labels: HashMap<String, String>, lease: &str) -> Result<(), RuntimeError> {
        let paths = labels.keys().map(|key| format!("labels.{key}")).collect();
        let request = UpdateRequest {
            info: Some(Info { digest: blob.digest.clone(), labels, ..Info::default() }),
            update_mask: Some(FieldMask { paths }),
        };
        call("label content", &blob.digest, CALL, self.content().update(leased(request, lease))).await.map(|_| ())
    }

    async fn read_json<T: serde::de::DeserializeOwned>(&self, digest: &str) -> Result<T, RuntimeError> {
        let request = ReadContentRequest { digest: digest.to_owned(), offset: 0, size: 0 };
        let mut stream = call("read content", digest, CALL, self.content().read(ours(request))).await?;
        let mut bytes = Vec::new();
        let limit = usize::try_from(LONGEST_JSON).expect("a small constant");
        while bytes.len() <= limit {
            match stream.message().await {
                Ok(Some(part)) => bytes.extend_from_slice(&part.data),
                Ok(None) => break,
                Err(status) => return Err(refused("read content", digest, status)),
            }
        }
        serde_json::from_slice(&bytes).map_err(|error| RuntimeError::Invalid(format!("content {digest}: {error}")))
    }
}

/// Sends a blob piece by piece; the last message commits it.
fn send_blob(
    blob: &Blob,
    reference: String,
    labels: HashMap<String, String>,
    sender: &mpsc::Sender<WriteContentRequest>,
) -> std::io::Result<()> {
    let total = i64::try_from(blob.size).unwrap_or(i64::MAX);
    let message = |action: WriteAction, offset: i64, data: Vec<u8>| WriteContentRequest {
        action: action as i32,
        r#ref: reference.clone(),
        total,
        expected: blob.digest.clone(),
        offset,
        data,
        labels: HashMap::new(),
    };
    let mut reader = open(blob)?;
    let mut offset = 0;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        reader.by_ref().take(CHUNK as u64).read_to_end(&mut chunk)?;
        if chunk.is_empty() {
            break;
        }
        let length = i64::try_from(chunk.len()).expect("a small chunk");
        if sender.blocking_send(message(WriteAction::Write, offset, chunk)).is_err() {
            return Ok(());
        }
        offset += length;
    }
    let commit = WriteContentRequest { labels, ..message(WriteAction::Commit, offset, Vec::new()) };
    // A receiver that is gone has told its reason on the other side of the call.
    sender.blocking_send(commit).ok();
    Ok(())
}

fn open(blob: &Blob) -> std::io::Result<Box<dyn Read>> {
    match &blob.place {
        Place::Bytes(bytes) => Ok(Box::new(std::io::Cursor::new(bytes.clone()))),
        Place::File(path, offset) => {
            let mut file = std::fs::File::open(path)?;
            file.seek(SeekFrom::Start(*offset))?;
            Ok(Box::new(file.take(blob.size)))
        }
    }
}

fn blob_path(blob: &Blob) -> std::path::PathBuf {
    match &blob.place {
        Place::Bytes(_) => std::path::PathBuf::new(),
        Place::File(path, _) => path.clone(),
    }
}

fn descriptor(blob: &Blob) -> Descriptor {
    Descriptor {
        media_type: blob.media_type.clone(),
        digest: blob.digest.clone(),
        size: i64::try_from(blob.size).unwrap_or(i64::MAX),
        annotations: HashMap::new(),
    }
}

/// The names of the snapshots of layers, lowest first, as the OCI image specification defines them.
fn chain_ids(diff_ids: &[String]) -> Vec<String> {
    let mut chain: Vec<String> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        let id = match chain.last() {
            None => diff_id.clone(),
            Some(below) => {
                let hash = Sha256::digest(format!("{below} {diff_id}"));
                format!("sha256:{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
            }
        };
        chain.push(id);
    }
    chain
}
