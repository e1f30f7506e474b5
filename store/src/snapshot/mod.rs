//! Snapshot files: whole states, written aside and put in place by a rename.
//!
//! Two are kept, and the log back to the older one, so that one damaged file costs nothing. A snapshot that comes
//! from the leader replaces both, because the log before it is void.

pub(crate) mod file;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::damage::is_damage;
use crate::disk::{Disk, DiskFile, die, io_error};
use crate::error::StoreError;
use crate::raft::Image;
use crate::raft::codec::invalid;
use crate::raft::types::{Snapshot, SnapshotMeta};

const SUFFIX: &str = ".snap";
const PARTIAL: &str = ".part";
const KEPT: usize = 2;

/// A complete snapshot on disk.
#[derive(Clone)]
pub(crate) struct SnapshotFile {
    path: PathBuf,
    /// What it says, as long as it waits to be installed.
    checked: Option<Image>,
}

/// The directory of snapshots.
pub(crate) struct SnapshotDir {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    cluster_id: String,
    /// Good ones, oldest first.
    kept: Mutex<Vec<(SnapshotMeta, SnapshotFile)>>,
    incoming: AtomicU64,
}

/// A snapshot that comes in from a peer, chunk by chunk.
pub(crate) struct Incoming {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    position: u64,
}

impl SnapshotDir {
    /// Looks through the directory: removes what is unfinished or damaged, and gives the newest good state.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        cluster_id: &str,
    ) -> Result<(SnapshotDir, Option<Image>), StoreError> {
        disk.create_dir(dir).map_err(io_error("create", dir))?;
        let snapshots = SnapshotDir {
            disk,
            dir: dir.to_owned(),
            cluster_id: cluster_id.to_owned(),
            kept: Mutex::new(Vec::new()),
            incoming: AtomicU64::new(0),
        };
        let newest = snapshots.examine()?;
        Ok((snapshots, newest))
    }

    fn examine(&self) -> Result<Option<Image>, StoreError> {
        let mut names = self.disk.list(&self.dir).map_err(io_error("list", &self.dir))?;
        names.sort_unstable();
        let mut newest = None;
        for name in names {
            let path = self.dir.join(&name);
            let image = if name.ends_with(SUFFIX) { self.load(&path)? } else { None };
            let Some(image) = image else {
                self.disk.remove(&path).map_err(io_error("remove", &path))?;
                continue;
            };
            self.keep(image.meta(), SnapshotFile::at(path.clone()), KEPT).map_err(io_error("prune", &path))?;
            newest = Some(image);
        }
        Ok(newest)
    }

    /// The state in a file; none with a warning if it is damaged.
    fn load(&self, path: &Path) -> Result<Option<Image>, StoreError> {
        match self.disk.open(path).and_then(|file| file::read(&*file, &self.cluster_id)) {
            Ok(image) => Ok(Some(image)),
            Err(error) if is_damage(&error) => {
                tracing::warn!(%error, path = %path.display(), "dropping a damaged snapshot");
                Ok(None)
            }
            Err(error) => Err(io_error("read", path)(error)),
        }
    }

    /// Does work that waits for the directory's disk.
    pub(crate) async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&SnapshotDir) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (dir, workers) = (self.clone(), self.disk.workers());
        workers.run(move || work(&dir)).await?
    }

    /// The newest snapshot.
    pub(crate) fn newest(&self) -> Option<Snapshot> {
        let kept = self.kept();
        let (meta, file) = kept.last()?;
        Some(Snapshot { meta: meta.clone(), snapshot: file.clone() })
    }

    /// Up to which entry the log may go: the last one that all kept snapshots include, once there are enough of them.
    pub(crate) fn purgeable_index(&self) -> Option<u64> {
        let kept = self.kept();
        let (oldest, _) = kept.first().filter(|_| kept.len() >= KEPT)?;
        oldest.last_log_id.map(|id| id.index)
    }

    /// Writes a snapshot and drops those that are too many.
    pub(crate) fn save(&self, image: &Image) -> io::Result<Snapshot> {
        let mut incoming = self.receive()?;
        let written = file::write(image, &self.cluster_id, &mut |bytes| incoming.write(bytes));
        if let Err(error) = written {
            self.abandon(&incoming);
            return Err(error);
        }
        let file = self.place(incoming, image)?;
        let snapshot = Snapshot { meta: image.meta(), snapshot: file.clone() };
        self.keep(image.meta(), file, KEPT)?;
        Ok(snapshot)
    }

    /// Puts a snapshot that came from the leader in place of all others, and gives its state.
    pub(crate) fn install(&self, meta: &SnapshotMeta, snapshot: &SnapshotFile) -> io::Result<Image> {
        let image = match &snapshot.checked {
            Some(image) => image.clone(),
            None => self.check(&snapshot.path, meta)?,
        };
        let path = self.path_for(&image);
        if path != snapshot.path {
            self.disk.rename(&snapshot.path, &path)?;
            self.sync_dir();
        }
        self.keep(image.meta(), SnapshotFile::at(path), 1)?;
        Ok(image)
    }

    /// Begins a file to be filled.
    pub(crate) fn receive(&self) -> io::Result<Incoming> {
        let number = self.incoming.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("{number:016x}{PARTIAL}"));
        let file = self.disk.create(&path, 0)?;
        Ok(Incoming { path, file, position: 0 })
    }

    /// Ends a file that a peer filled. One that is cut off, damaged or not what `meta` says is refused here, where it costs the
    /// peer an answer; in the state machine it would stop this member.
    pub(crate) fn accept(&self, incoming: Incoming, meta: &SnapshotMeta) -> io::Result<SnapshotFile> {
        let received = self.received(incoming);
        let checked = self.check(&received.path, meta).inspect_err(|_| self.discard(&received))?;
        Ok(SnapshotFile { checked: Some(checked), ..received })
    }

    /// The state in a file, rebuilt and compared with its hash.
    fn check(&self, path: &Path, meta: &SnapshotMeta) -> io::Result<Image> {
        let image = file::read(&*self.disk.open(path)?, &self.cluster_id)?;
        if image.applied != meta.last_log_id {
            return Err(invalid("the snapshot is not the one that was announced"));
        }
        Ok(image)
    }

    /// Removes a file that a peer filled, unless it was put in place.
    pub(crate) fn discard(&self, received: &SnapshotFile) {
        match self.disk.remove(&received.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %received.path.display(), "cannot remove a snapshot that is not needed");
            }
            _ => {}
        }
    }

    fn received(&self, incoming: Incoming) -> SnapshotFile {
        if let Err(error) = incoming.file.sync() {
            die(&*self.disk, "sync a snapshot", &incoming.path, &error);
        }
        SnapshotFile::at(incoming.path)
    }

    /// Removes a file that will not be filled.
    pub(crate) fn abandon(&self, incoming: &Incoming) {
        if let Err(error) = self.disk.remove(&incoming.path) {
            tracing::warn!(%error, path = %incoming.path.display(), "cannot remove an unfinished snapshot");
        }
    }

    /// Opens a snapshot for sending.
    pub(crate) fn open_file(&self, snapshot: &SnapshotFile) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(&snapshot.path)
    }

    fn place(&self, incoming: Incoming, image: &Image) -> io::Result<SnapshotFile> {
        let written = self.received(incoming);
        let path = self.path_for(image);
        self.disk.rename(&written.path, &path)?;
        self.sync_dir();
        Ok(SnapshotFile::at(path))
    }

    fn keep(&self, meta: SnapshotMeta, file: SnapshotFile, count: usize) -> io::Result<()> {
        let mut kept = self.kept();
        kept.retain(|(_, other)| other.path != file.path);
        kept.push((meta, file));
        // A snapshot of our own may be finished after a newer one has come from the leader.
        kept.sort_by_key(|(meta, _)| meta.last_log_id);
        let superfluous = kept.len().saturating_sub(count);
        kept.drain(..superfluous).try_for_each(|(_, old)| self.disk.remove(&old.path))
    }

    fn path_for(&self, image: &Image) -> PathBuf {
        self.dir.join(format!("{:016x}{SUFFIX}", image.applied_index()))
    }

    fn sync_dir(&self) {
        if let Err(error) = self.disk.sync_dir(&self.dir) {
            die(&*self.disk, "sync the directory of", &self.dir, &error);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(SnapshotMeta, SnapshotFile)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SnapshotFile {
    fn at(path: PathBuf) -> SnapshotFile {
        SnapshotFile { path, checked: None }
    }
}

impl fmt::Debug for SnapshotFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotFile({})", self.path.display())
    }
}

impl Incoming {
    /// Appends.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(self.position, bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}
