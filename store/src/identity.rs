//! Whose disk this is: written once, compared ever after, so that disks are not exchanged between members or clusters.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::disk::{Disk, io_error};
use crate::error::StoreError;

const NAME: &str = "member.json";

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    format: u32,
    cluster_id: String,
    node_id: u64,
}

/// Claims a fresh directory, or checks that a used one is ours.
pub(crate) fn claim(disk: &Arc<dyn Disk>, dir: &Path, cluster_id: &str, node_id: u64) -> Result<(), StoreError> {
    disk.create_dir(dir).map_err(io_error("create", dir))?;
    let ours = Identity { format: 1, cluster_id: cluster_id.to_owned(), node_id };
    let names = disk.list(dir).map_err(io_error("list", dir))?;
    if names.iter().any(|name| name == NAME) {
        return check(&**disk, dir, &ours);
    }
    write(&**disk, dir, &ours)
}

fn check(disk: &dyn Disk, dir: &Path, ours: &Identity) -> Result<(), StoreError> {
    let path = dir.join(NAME);
    let read = || {
        let file = disk.open(&path)?;
        let mut bytes = vec![0; file.len()? as usize];
        file.read_at(0, &mut bytes).map(|()| bytes)
    };
    let bytes = read().map_err(io_error("read", &path))?;
    let damaged = |error: serde_json::Error| StoreError::Corrupt { path: path.clone(), reason: error.to_string() };
    let found: Identity = serde_json::from_slice(&bytes).map_err(damaged)?;
    if found == *ours {
        return Ok(());
    }
    Err(StoreError::WrongDisk { path: dir.to_owned(), found: describe(&found), expected: describe(ours) })
}

fn write(disk: &dyn Disk, dir: &Path, ours: &Identity) -> Result<(), StoreError> {
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
    format!("member {} of cluster {}", identity.node_id, identity.cluster_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::memory::MemoryDisk;

    #[test]
    fn a_disk_of_somebody_else_is_refused() {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let dir = Path::new("data");
        claim(&disk, dir, "a", 1).unwrap();
        claim(&disk, dir, "a", 1).unwrap();
        assert!(matches!(claim(&disk, dir, "a", 2), Err(StoreError::WrongDisk { .. })));
        assert!(matches!(claim(&disk, dir, "b", 1), Err(StoreError::WrongDisk { .. })));
    }
}
