//! What a directory holds, read and checked before anything runs.
//!
//! ```text
//!  lock ─ identity ─ wal ─ snapshots ─ checkpoint ─► newest usable state
//! ```

use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::{Checkpoint, StateBackend};
use crate::config::Tuning;
use crate::disk::{Disk, Lock, io_error};
use crate::error::StoreError;
use crate::identity::{self, Identity};
use crate::raft::Image;
use crate::snapshot::SnapshotDir;
use crate::wal::{Wal, WalOptions};

/// Newest log entries kept in memory: what followers that keep up ask for. Those that lag are sent what the disk has.
const LOG_CACHE: usize = 4 << 20;

/// The log's disk, that of everything else, and the database.
pub(crate) struct Disks {
    pub(crate) log: Arc<dyn Disk>,
    pub(crate) rest: Arc<dyn Disk>,
    pub(crate) checkpoint: Checkpoint,
}

/// What the disk held.
pub(crate) struct Recovered {
    pub(crate) wal: Wal,
    pub(crate) snapshots: SnapshotDir,
    pub(crate) backend: Box<dyn StateBackend>,
    /// What the backend holds.
    pub(crate) held: Image,
    /// Where to go on from.
    pub(crate) newest: Image,
    pub(crate) lock: Lock,
}

pub(crate) fn wal_options(tuning: &Tuning) -> WalOptions {
    WalOptions { segment_bytes: tuning.segment_bytes, cache_bytes: LOG_CACHE }
}

/// Reads the directory of a member that is about to run. A fresh one becomes its own, unless it `has_history`.
pub(crate) fn claim_and_recover(
    disks: &Disks,
    dir: &Path,
    ours: &Identity,
    has_history: bool,
    options: WalOptions,
) -> Result<Recovered, StoreError> {
    disks.rest.create_dir(dir).map_err(io_error("create", dir))?;
    let lock = lock(&*disks.rest, dir)?;
    let found = identity::read(&*disks.rest, dir)?;
    let is_used = found.is_some();
    let has_log = has_log(disks, dir)?;
    match found {
        Some(found) => found.check(ours, dir)?,
        None if has_history => return Err(StoreError::Emptied { path: dir.to_owned(), node_id: ours.node_id() }),
        None => {}
    }
    if is_used && !has_log {
        return Err(StoreError::Emptied { path: dir.join("wal"), node_id: ours.node_id() });
    }
    let recovered = recover(disks, dir, ours.cluster_id(), options, lock)?;
    if !is_used {
        // After the log, so that whoever finds it knows that there was a log.
        identity::write(&*disks.rest, dir, ours)?;
    }
    Ok(recovered)
}

fn has_log(disks: &Disks, dir: &Path) -> Result<bool, StoreError> {
    let path = dir.join("wal");
    disks.log.create_dir(&path).map_err(io_error("create", &path))?;
    let names = disks.log.list(&path).map_err(io_error("list", &path))?;
    Ok(names.iter().any(|name| name.ends_with(".seg")))
}

/// Reads a directory that is locked, and whoever's it is.
pub(crate) fn recover(
    disks: &Disks,
    dir: &Path,
    cluster_id: &str,
    options: WalOptions,
    lock: Lock,
) -> Result<Recovered, StoreError> {
    let wal = Wal::open(disks.log.clone(), &dir.join("wal"), options)?;
    let (snapshots, snapshot) = SnapshotDir::open(disks.rest.clone(), &dir.join("snap"), cluster_id)?;
    let mut backend = disks.checkpoint.backend(dir);
    let held = backend.load()?.unwrap_or_default();
    let newest = snapshot.filter(|snapshot| snapshot.applied > held.applied).unwrap_or_else(|| held.clone());
    check_gap(dir, &wal, &newest)?;
    Ok(Recovered { wal, snapshots, backend, held, newest, lock })
}

/// Between the state and the first entry of the log, nothing may be missing.
fn check_gap(dir: &Path, wal: &Wal, newest: &Image) -> Result<(), StoreError> {
    let purged = wal.extent().purged.map_or(0, |purged| purged.index);
    if newest.applied_index() >= purged {
        return Ok(());
    }
    let reason =
        format!("entries up to {purged} were purged, but no good state reaches beyond {}", newest.applied_index());
    Err(StoreError::Corrupt { path: dir.to_owned(), reason })
}

/// Makes sure that nobody else uses the directory, as long as the answer is held.
pub(crate) fn lock(disk: &dyn Disk, dir: &Path) -> Result<Lock, StoreError> {
    let path = &dir.join("lock");
    disk.lock(path).map_err(io_error("lock", path))
}
