//! The disk as the log and the snapshots see it.
//!
//! Whatever must survive a power cut goes through these two traits, so that tests can pull the plug: `memory.rs`
//! holds a disk that forgets what was not synced, `faulty.rs` one that fails as it is told. The real one is `real.rs`.
//! Not here: the checkpoint, since sled opens its own files.

#[cfg(any(test, feature = "testing"))]
pub(crate) mod faulty;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod memory;
mod metered;
mod real;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use metered::MeteredDisk;
pub use real::RealDisk;

use crate::error::StoreError;
use crate::world::Workers;

/// Held while a directory is somebody's.
pub type Lock = Box<dyn Send + Sync>;

/// A file system, as far as it is needed. Names become durable by [`Disk::sync_dir`].
pub trait Disk: Send + Sync {
    /// Makes a directory and its parents, readable by the owner only, durably.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes or empties a file and fills it with zeros, so that later writes change no metadata.
    fn create(&self, path: &Path, zeros: u64) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens an existing file.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Renames, replacing what is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes the lock that this file stands for; an error if somebody has it.
    fn lock(&self, path: &Path) -> io::Result<Lock>;
    /// Bytes that may still be written where `dir` is.
    fn free(&self, dir: &Path) -> io::Result<u64>;

    /// Who waits for it.
    fn workers(&self) -> Workers {
        Workers::Threads
    }

    /// How long the next sync takes, for a task to wait before it syncs. Real disks take their time in the sync.
    fn sync_takes(&self) -> Duration {
        Duration::ZERO
    }

    /// What becomes of a member whose disk has failed: its process ends. A simulated one unwinds with
    /// [`crate::world::DiskFailed`] instead, and must not run on.
    fn give_up(&self) -> ! {
        std::process::abort()
    }
}

/// An open file. Contents become durable by [`DiskFile::sync`].
pub trait DiskFile: Send + Sync {
    /// Writes all of `data` at `offset`.
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;
    /// Fills `buffer` from `offset`; an error when the file is too short.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// The file's length.
    fn length(&self) -> io::Result<u64>;
    /// Makes everything written durable.
    fn sync(&self) -> io::Result<()>;
}

/// Whether an error says that there is no room (left to us).
pub(crate) fn disk_is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Names the operation and the file in an error.
pub(crate) fn io_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { operation, path, source }
}

/// Ends the process: after a failed sync nobody knows what is on disk, and the kernel may have dropped the pages, so
/// that a second sync would succeed without them. A restart reads what is really there.
pub(crate) fn die(disk: &dyn Disk, operation: &str, path: &Path, error: &io::Error) -> ! {
    tracing::error!(%error, path = %path.display(), "cannot {operation}: stopping at once, nothing can be promised");
    disk.give_up()
}
