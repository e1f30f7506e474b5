//! Whose disk this is: written once, compared ever after, so that disks are not exchanged between members or clusters.
//!
//! A member's id is drawn for its directory and dies with it, so it is the epoch of the disk too: an emptied directory
//! under an id that was used is refused (`recovery.rs`), and a new id has no vote until it has caught up.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::disk::{Disk, io_error};
use crate::error::StoreError;

const NAME: &str = "member.json";

/// A member of a cluster, as its disk names it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    format: u32,
    cluster_id: String,
    node_id: u64,
}

impl Identity {
    pub(crate) fn new(cluster_id: &str, node_id: u64) -> Identity {
        Identity { format: 1, cluster_id: cluster_id.to_owned(), node_id }
    }

    pub(crate) fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    pub(crate) fn node_id(&self) -> u64 {
        self.node_id
    }

    /// Whether this is ours.
    pub(crate) fn check(&self, ours: &Identity, dir: &Path) -> Result<(), StoreError> {
        if self == ours {
            return Ok(());
        }
        Err(StoreError::WrongDisk { path: dir.to_owned(), found: describe(self), expected: describe(ours) })
    }
}

/// What the directory says; `None`: nobody has used it.
pub(crate) fn read(disk: &dyn Disk, dir: &Path) -> Result<Option<Identity>, StoreError> {
    let names = disk.list(dir).map_err(io_error("list", dir))?;
    if !names.iter().any(|name| name == NAME) {
        return Ok(None);
    }
    let path = dir.join(NAME);
    let read = || {
        let file = disk.open(&path)?;
        let mut bytes = vec![0; file.length()? as usize];
        file.read_at(0, &mut bytes).map(|()| bytes)
    };
    let bytes = read().map_err(io_error("read", &path))?;
    let damaged = |error: serde_json::Error| StoreError::Corrupt { path: path.clone(), reason: error.to_string() };
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

/// Names the directory's owner, durably.
pub(crate) fn write(disk: &dyn Disk, dir: &Path, ours: &Identity) -> Result<(), StoreError> {
    let (path, aside) = (dir.join(NAME), dir.join("member.json.new"));
    let bytes = serde_json::to_vec(ours).expect("numbers and a string are JSON");
    let write = || {
        let file = disk.create(&aside, 0)?;
        file.write_at(0, &bytes)?;
        file.sync()?;
        disk.rename(&aside, &path)?;
        disk.sync_dir(dir)
    };
    write().map_err(io_error("write", &path))
}

fn describe(identity: &Identity) -> String {
    format!("member {:x} of cluster {}", identity.node_id, identity.cluster_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::memory::MemoryDisk;

    #[test]
    fn a_disk_of_somebody_else_is_refused() {
        let (disk, dir) = (MemoryDisk::default(), Path::new("data"));
        assert!(read(&disk, dir).unwrap().is_none());
        let ours = Identity::new("a", 1);
        write(&disk, dir, &ours).unwrap();
        let found = read(&disk, dir).unwrap().unwrap();
        assert!(found.check(&ours, dir).is_ok());
        for other in [Identity::new("a", 2), Identity::new("b", 1)] {
            assert!(matches!(found.check(&other, dir), Err(StoreError::WrongDisk { .. })));
        }
    }
}
