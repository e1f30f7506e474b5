//! An image archive: a tar file as `docker save`, `podman save` and OCI tools write it, plain or gzipped.
//!
//! The archive is indexed, not unpacked: blobs are streamed from their place in the file when they are imported.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Manifests and configurations are no longer than this; a longer one is not read into memory.
const LONGEST_JSON: u64 = 8 << 20;

/// An archive cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A document in it cannot be understood.
    #[error("{path}: {entry} is not what it should be")]
    Json {
        /// Which file.
        path: PathBuf,
        /// Which document.
        entry: String,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A part that it names is missing.
    #[error("{path}: {entry} is missing")]
    Missing {
        /// Which file.
        path: PathBuf,
        /// Which part.
        entry: String,
    },
    /// It is neither a Docker archive nor an OCI layout.
    #[error("{0} is no image archive: it has neither manifest.json nor index.json")]
    NotAnArchive(PathBuf),
}

/// The images of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageArchive {
    /// In the archive's order.
    pub images: Vec<ArchivedImage>,
}

/// One image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedImage {
    /// Its full names.
    pub names: Vec<String>,
    /// Its manifest.
    pub manifest: Blob,
    /// Its configuration.
    pub config: Blob,
    /// Its layers, lowest first.
    pub layers: Vec<Blob>,
    /// Digests of the unpacked layers, lowest first.
    pub diff_ids: Vec<String>,
}

/// A piece of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// `sha256:…`
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// What it is.
    pub media_type: String,
    /// Where it is.
    pub place: Place,
}

/// Where a blob's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In memory.
    Bytes(Vec<u8>),
    /// In a file, from this offset on.
    File(PathBuf, u64),
}

impl ImageArchive {
    /// Indexes an archive. Blocking: it reads the whole file. A gzipped one is unpacked into `scratch`, which has to stay
    /// until the import is over.
    pub fn open(path: &Path, scratch: &Path) -> Result<ImageArchive, ArchiveError> {
        let tar = TarIndex::open(&plain(path, scratch)?)?;
        if tar.entries.contains_key("index.json") && tar.entries.contains_key("oci-layout") {
            return super::oci_layout::read(&tar);
        }
        if tar.entries.contains_key("manifest.json") {
            return super::docker_archive::read(&tar);
        }
        Err(ArchiveError::NotAnArchive(path.to_owned()))
    }
}

/// The archive as a plain tar file.
fn plain(path: &Path, scratch: &Path) -> Result<PathBuf, ArchiveError> {
    let failed = |source| ArchiveError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut magic = [0; 2];
    let read = file.read(&mut magic).map_err(failed)?;
    if read < 2 || magic != [0x1f, 0x8b] {
        return Ok(path.to_owned());
    }
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let unpacked = scratch.join("archive.tar");
    let mut out = File::create(&unpacked).map_err(failed)?;
    io::copy(&mut flate2::read::MultiGzDecoder::new(file), &mut out).map_err(failed)?;
    Ok(unpacked)
}

/// Where each entry of a tar file is.
pub(super) struct TarIndex {
    pub(super) path: PathBuf,
    pub(super) entries: BTreeMap<String, (u64, u64)>,
}

impl TarIndex {
    fn open(path: &Path) -> Result<TarIndex, ArchiveError> {
        let failed = |source| ArchiveError::Io { path: path.to_owned(), source };
        let mut archive = tar::Archive::new(File::open(path).map_err(failed)?);
        let (mut entries, mut links) = (BTreeMap::new(), Vec::new());
        for entry in archive.entries_with_seek().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.path().map_err(failed)?.to_string_lossy().trim_start_matches("./").to_owned();
            match entry.link_name().map_err(failed)? {
                Some(target) => links.push((name, target.to_string_lossy().into_owned())),
                None => {
                    entries.insert(name, (entry.raw_file_position(), entry.size()));
                }
            }
        }
        for (name, target) in links {
            if let Some(place) = entries.get(&linked(&name, &target)).copied() {
                entries.insert(name, place);
            }
        }
        Ok(TarIndex { path: path.to_owned(), entries })
    }

    fn entry(&self, name: &str) -> Result<(u64, u64), ArchiveError> {
        let missing = || ArchiveError::Missing { path: self.path.clone(), entry: name.to_owned() };
        self.entries.get(name).copied().ok_or_else(missing)
    }

    /// A document of the archive.
    pub(super) fn bytes(&self, name: &str) -> Result<Vec<u8>, ArchiveError> {
        let (offset, size) = self.entry(name)?;
        let mut bytes = Vec::new();
        let mut reader = self.reader(offset)?.take(size.min(LONGEST_JSON));
        reader.read_to_end(&mut bytes).map_err(|source| ArchiveError::Io { path: self.path.clone(), source })?;
        Ok(bytes)
    }

    /// A document of the archive, understood.
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, ArchiveError> {
        let bytes = self.bytes(name)?;
        let failed = |source| ArchiveError::Json { path: self.path.clone(), entry: name.to_owned(), source };
        serde_json::from_slice(&bytes).map_err(failed)
    }

    /// A blob whose digest and media type are known.
    pub(super) fn blob(&self, name: &str, digest: &str, media_type: &str) -> Result<Blob, ArchiveError> {
        let (offset, size) = self.entry(name)?;
        let place = Place::File(self.path.clone(), offset);
        Ok(Blob { digest: digest.to_owned(), size, media_type: media_type.to_owned(), place })
    }

    /// The digest of an entry, and whether it is gzipped.
    pub(super) fn digest(&self, name: &str) -> Result<(String, bool), ArchiveError> {
        let (offset, size) = self.entry(name)?;
        let failed = |source| ArchiveError::Io { path: self.path.clone(), source };
        let mut reader = self.reader(offset)?.take(size);
        let (mut hash, mut buffer, mut magic) = (Sha256::new(), vec![0; 1 << 20], Vec::new());
        loop {
            let count = reader.read(&mut buffer).map_err(failed)?;
            if count == 0 {
                return Ok((hex(hash), magic == [0x1f, 0x8b]));
            }
            if magic.is_empty() {
                magic = buffer[..count.min(2)].to_vec();
            }
            hash.update(&buffer[..count]);
        }
    }

    fn reader(&self, offset: u64) -> Result<File, ArchiveError> {
        let failed = |source| ArchiveError::Io { path: self.path.clone(), source };
        let mut file = File::open(&self.path).map_err(failed)?;
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        Ok(file)
    }
}

/// Old Docker archives link equal layers: `../<layer>/layer.tar`.
fn linked(name: &str, target: &str) -> String {
    let base = Path::new(name).parent().unwrap_or(Path::new(""));
    let mut parts: Vec<_> = base.components().collect();
    for part in Path::new(target).components() {
        match part {
            std::path::Component::ParentDir => {
                parts.pop();
            }
            std::path::Component::Normal(_) => parts.push(part),
            _ => {}
        }
    }
    parts.iter().collect::<PathBuf>().to_string_lossy().into_owned()
}

/// The digest of bytes.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

fn hex(hash: Sha256) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("sha256:");
    for byte in hash.finalize() {
        write!(text, "{byte:02x}").expect("strings can be written to");
    }
    text
}
