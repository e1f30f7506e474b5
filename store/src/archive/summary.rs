//! What is in an exported file.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use xebec_kv::Revision;

use crate::disk::{DiskFile, io_error};
use crate::error::StoreError;
use crate::member::Member;
use crate::raft::Image;
use crate::snapshot::file;

/// What a state holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The cluster it was taken from.
    pub cluster_id: String,
    /// The newest revision.
    pub revision: Revision,
    /// The oldest readable revision.
    pub compact_revision: Revision,
    /// The last log entry it includes.
    pub applied_index: u64,
    /// The state hash, which all members of the cluster had at that entry.
    pub hash: u64,
    /// The newest time that a leader stamped, in milliseconds since 1970.
    pub time_ms: u64,
    /// The members of the cluster.
    pub members: Vec<Member>,
    /// Of all keys.
    pub total: Usage,
    /// By what the caller's function made of the keys.
    pub groups: BTreeMap<String, Usage>,
    /// Bytes of the file.
    pub file_bytes: u64,
}

/// How much there is of something, without its history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Keys.
    pub keys: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
}

impl Usage {
    fn add(&mut self, bytes: usize) {
        self.keys += 1;
        self.bytes += bytes as u64;
    }
}

/// Reads and checks a file: each checksum, and the state hash of the whole. `group` names what a key belongs to.
pub fn inspect(path: &Path, group: impl Fn(&[u8]) -> String) -> Result<Summary, StoreError> {
    let (cluster_id, image, file_bytes) = read(path)?;
    Ok(summarize(cluster_id, &image, file_bytes, group))
}

/// The state in a file.
pub(super) fn read(path: &Path) -> Result<(String, Image, u64), StoreError> {
    let file = File::open(path).map_err(io_error("open", path))?;
    let length = DiskFile::length(&file).map_err(io_error("read", path))?;
    let (cluster_id, image) = file::read_any(&file)
        .map_err(|error| StoreError::Corrupt { path: path.to_owned(), reason: error.to_string() })?;
    Ok((cluster_id, image, length))
}

pub(super) fn summarize(
    cluster_id: String,
    image: &Image,
    file_bytes: u64,
    group: impl Fn(&[u8]) -> String,
) -> Summary {
    let (mut total, mut groups) = (Usage::default(), BTreeMap::<String, Usage>::new());
    for kv in image.state.range(b"", None) {
        let bytes = kv.key.len() + kv.value.len();
        total.add(bytes);
        groups.entry(group(&kv.key)).or_default().add(bytes);
    }
    Summary {
        cluster_id,
        revision: image.state.revision(),
        compact_revision: image.state.compact_revision(),
        applied_index: image.applied_index(),
        hash: image.state.hash(),
        time_ms: image.state.time_ms(),
        members: image.membership.nodes().map(|(id, node)| Member::from_node(*id, node)).collect(),
        total,
        groups,
        file_bytes,
    }
}
