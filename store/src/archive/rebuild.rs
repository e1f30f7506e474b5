//! A directory in which a state begins anew, with one member.
//!
//! It is built aside and put in place by one rename, so that a crash leaves the old directory or the new one. The old one
//! is kept beside it, for whoever has second thoughts.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use openraft::Membership;

use super::summary::{Summary, read, summarize};
use crate::checkpoint::Checkpoint;
use crate::config::Tuning;
use crate::disk::{Disk, RealDisk, io_error};
use crate::error::StoreError;
use crate::identity::{self, Identity};
use crate::instruments::Instruments;
use crate::member::Member;
use crate::raft::codec::{decode_entry, log_id};
use crate::raft::types::StoredMembership;
use crate::raft::{Image, replay};
use crate::recovery::{self, Disks, wal_options};
use crate::snapshot::SnapshotDir;
use crate::wal::{EntryId, SavedVote, Wal};

/// Log entries replayed at a time.
const REPLAY_BYTES: usize = 4 << 20;

/// What a directory is to be made for.
#[derive(Clone, Debug)]
pub struct Rebuild {
    /// The store's directory, whether it exists or not.
    pub data_dir: PathBuf,
    /// The new cluster's id; must be new.
    pub cluster_id: String,
    /// The one member; its id must be new.
    pub member: Member,
    /// How many revisions are left out, so that none is given out twice: more than can have been lost.
    pub skip_revisions: u64,
}

/// Makes the directory from an exported file.
pub async fn restore(from: &Path, to: &Rebuild) -> Result<Summary, StoreError> {
    let (cluster_id, image, file_bytes) = read(from)?;
    let exists = to.data_dir.exists();
    let _lock = if exists { Some(recovery::lock(&RealDisk, &to.data_dir)?) } else { None };
    let summary = summarize(cluster_id, &image, file_bytes, |_| String::new());
    begin_anew(image, summary.applied_index, 0, to).await?;
    Ok(summary)
}

/// Makes the directory anew from what it holds itself: the newest state, and all of the log after it. Entries that this
/// member does not know to be committed are taken too, because they may have been.
pub async fn recover(to: &Rebuild) -> Result<Summary, StoreError> {
    let dir = &to.data_dir;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let disks = Disks { log: disk.clone(), rest: disk.clone(), checkpoint: Checkpoint::Sled };
    let found = if dir.exists() { identity::read(&*disk, dir)? } else { None };
    let found = found.ok_or_else(|| StoreError::Corrupt {
        path: dir.clone(),
        reason: "no member of any cluster has used it".to_owned(),
    })?;
    let lock = recovery::lock(&*disk, dir)?;
    let mut recovered = recovery::recover(&disks, dir, found.cluster_id(), wal_options(&Tuning::default()), lock)?;
    let mut image = std::mem::take(&mut recovered.newest);
    replay_log(&recovered.wal, &mut image)?;
    let term = recovered.wal.vote().map_or(0, |vote| vote.term);
    let last = recovered.wal.extent().last.map_or(0, |last| last.index).max(image.applied_index());
    recovered.wal.close().await;
    drop(recovered.backend);
    let summary = summarize(found.cluster_id().to_owned(), &image, 0, |_| String::new());
    begin_anew(image, last, term, to).await?;
    Ok(summary)
}

fn replay_log(wal: &Wal, image: &mut Image) -> Result<(), StoreError> {
    let instruments = Instruments::new(&Tuning::default());
    let end = wal.extent().last.map_or(0, |last| last.index + 1);
    loop {
        let start = image.applied.map_or(0, |applied| applied.index + 1);
        let read = wal.read(start, end, REPLAY_BYTES);
        let entries = read.and_then(|entries| entries.iter().map(decode_entry).collect::<std::io::Result<Vec<_>>>());
        let entries = entries.map_err(io_error("read the log of", Path::new("wal")))?;
        if entries.is_empty() {
            return Ok(());
        }
        replay(image, entries, &instruments);
    }
}

/// Writes `image` as the beginning of the new cluster, after entry `last` and the given term, and puts it in place.
async fn begin_anew(mut image: Image, last: u64, term: u64, to: &Rebuild) -> Result<(), StoreError> {
    let term = image.applied.map_or(0, |applied| applied.leader_id.term).max(term) + 1;
    let first = EntryId { term, node: to.member.id, index: last + 1 };
    let revision = image.state.revision() + to.skip_revisions;
    Arc::make_mut(&mut image.state).advance(revision);
    image.applied = Some(log_id(first));
    let members = [(to.member.id, to.member.node())];
    let membership = Membership::new(vec![[to.member.id].into()], std::collections::BTreeMap::from(members))
        .expect("the one voter is a node");
    image.membership = StoredMembership::new(Some(log_id(first)), membership);
    let aside = beside(&to.data_dir, "new");
    write_directory(&aside, &image, first, to).await?;
    put_in_place(&aside, &to.data_dir)
}

async fn write_directory(dir: &Path, image: &Image, first: EntryId, to: &Rebuild) -> Result<(), StoreError> {
    remove(dir)?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    disk.create_dir(dir).map_err(io_error("create", dir))?;
    let (snapshots, _) = SnapshotDir::open(disk.clone(), &dir.join("snap"), &to.cluster_id)?;
    snapshots.save(image).map_err(io_error("write a snapshot to", dir))?;
    let wal = Wal::open(disk.clone(), &dir.join("wal"), wal_options(&Tuning::default()))?;
    let vote = SavedVote { term: first.term, node: first.node, committed: false };
    wal.save_vote(vote).await.map_err(io_error("write the log of", dir))?;
    wal.purge(first).await.map_err(io_error("write the log of", dir))?;
    wal.close().await;
    identity::write(&*disk, dir, &Identity::new(&to.cluster_id, to.member.id))
}

/// Swaps the two; the old one is kept.
fn put_in_place(new: &Path, place: &Path) -> Result<(), StoreError> {
    let disk = RealDisk;
    if place.exists() {
        let swapped = renameat2(AT_FDCWD, new, AT_FDCWD, place, RenameFlags::RENAME_EXCHANGE);
        swapped.map_err(|errno| io_error("put in place", place)(errno.into()))?;
        let old = beside(place, "old");
        remove(&old)?;
        disk.rename(new, &old).map_err(io_error("keep", &old))?;
    } else {
        disk.rename(new, place).map_err(io_error("put in place", place))?;
    }
    let parent = place.parent().unwrap_or(Path::new("/"));
    disk.sync_dir(parent).map_err(io_error("sync the directory of", place))
}

/// `store.new` beside `store`.
fn beside(dir: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(dir);
    name.push(".");
    name.push(suffix);
    name.into()
}

fn remove(dir: &Path) -> Result<(), StoreError> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_error("remove", dir)(error)),
        _ => Ok(()),
    }
}
