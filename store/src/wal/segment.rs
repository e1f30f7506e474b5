//! Segment files: their names, and how the next one is made ready before it is needed.
//!
//! A segment is filled with zeros and synced under another name first, so that appending to it changes no metadata
//! and `fdatasync` has only data to write. One spare is kept; purged segments become the spare.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::disk::{Disk, DiskFile};

const SUFFIX: &str = ".seg";
const SPARE: &str = "spare";

/// `<number in hex>.seg`.
pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016x}{SUFFIX}"))
}

/// The numbers of the segments in a directory, ascending.
pub(super) fn list(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<u64>> {
    let names = disk.list(dir)?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn number(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_suffix(SUFFIX)?, 16).ok()
}

/// Makes the next segment in the background.
pub(super) struct Spares {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    bytes: u64,
    making: Option<JoinHandle<bool>>,
}

impl Spares {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: PathBuf, bytes: u64) -> Spares {
        Spares { disk, dir, bytes, making: None }
    }

    /// Starts making a spare. If that fails, the segment is made when it is needed, and there it matters.
    pub(super) fn prepare(&mut self) {
        let (disk, path, bytes) = (self.disk.clone(), self.dir.join(SPARE), self.bytes);
        let make = move || {
            let made = create(&*disk, &path, bytes);
            made.inspect_err(|error| tracing::warn!(%error, path = %path.display(), "cannot prepare a log segment"))
                .is_ok()
        };
        self.making = std::thread::Builder::new().name("xebec-wal-spare".to_owned()).spawn(make).ok();
    }

    /// The segment with this number, with room for at least `room` bytes, its name durable.
    pub(super) fn take(&mut self, number: u64, room: u64) -> io::Result<Arc<dyn DiskFile>> {
        let spare = self.dir.join(SPARE);
        let made = self.making.take().is_some_and(|making| making.join().unwrap_or(false));
        if !made || room > self.bytes {
            create(&*self.disk, &spare, self.bytes.max(room))?;
        }
        let path = path(&self.dir, number);
        self.disk.rename(&spare, &path)?;
        self.disk.sync_dir(&self.dir)?;
        self.disk.open(&path)
    }
}

impl Drop for Spares {
    /// Whoever opens the directory next must not meet a thread of ours.
    fn drop(&mut self) {
        if let Some(making) = self.making.take()
            && making.join().is_err()
        {
            tracing::warn!("the thread that prepares log segments panicked");
        }
    }
}

fn create(disk: &dyn Disk, path: &Path, bytes: u64) -> io::Result<()> {
    disk.create(path, bytes)?.sync()
}
