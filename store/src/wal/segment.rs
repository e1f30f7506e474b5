//! Segment files: their names, and how the next one is made ready before it is needed.
//!
//! A segment is filled with zeros and synced under another name first, so that appending to it changes no metadata
//! and `fdatasync` has only data to write. One spare is kept; purged segments become the spare.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::disk::{Disk, DiskFile, disk_is_full};

const SUFFIX: &str = ".seg";
const SPARE: &str = "spare";
/// How often it is tried again to make a segment for which there is no space.
const RETRY: Duration = Duration::from_millis(100);

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
    maker: Maker,
    making: Option<JoinHandle<io::Result<()>>>,
}

/// Makes one segment under the spare's name.
#[derive(Clone)]
struct Maker {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    bytes: u64,
    /// There is no space for it.
    waits: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
}

impl Spares {
    /// `waits` is set while there is no space for the next segment.
    pub(super) fn new(disk: Arc<dyn Disk>, dir: PathBuf, bytes: u64, waits: Arc<AtomicBool>) -> Spares {
        Spares { maker: Maker { disk, dir, bytes, waits, ended: Arc::default() }, making: None }
    }

    /// Starts making a spare. If that fails, the segment is made when it is needed, and there it matters.
    pub(super) fn prepare(&mut self) {
        let maker = self.maker.clone();
        let make = move || maker.make(maker.bytes);
        self.making = std::thread::Builder::new().name("xebec-wal-spare".to_owned()).spawn(make).ok();
    }

    /// The segment with this number, with room for at least `room` bytes, its name durable.
    pub(super) fn take(&mut self, number: u64, room: u64) -> io::Result<Arc<dyn DiskFile>> {
        let Maker { disk, dir, bytes, .. } = &self.maker;
        let made = self.making.take().is_some_and(|making| making.join().is_ok_and(|made| made.is_ok()));
        if !made || room > *bytes {
            self.maker.make(room.max(*bytes))?;
        }
        let path = path(dir, number);
        disk.rename(&dir.join(SPARE), &path)?;
        disk.sync_dir(dir)?;
        disk.open(&path)
    }
}

impl Maker {
    /// Waits for space as long as there is none: nothing is lost by it, since nothing of the segment is promised yet.
    fn make(&self, bytes: u64) -> io::Result<()> {
        let path = self.dir.join(SPARE);
        loop {
            let made = self.disk.create(&path, bytes).and_then(|file| file.sync());
            let full = made.as_ref().is_err_and(disk_is_full);
            self.waits.store(full, Ordering::Relaxed);
            if !full || self.ended.load(Ordering::Relaxed) {
                return made.inspect_err(|error| complain(error, &path));
            }
            // Half a segment only takes room from the rest.
            if let Err(error) = self.disk.remove(&path) {
                tracing::debug!(%error, path = %path.display(), "cannot remove half a log segment");
            }
            std::thread::sleep(RETRY);
        }
    }
}

fn complain(error: &io::Error, path: &Path) {
    tracing::warn!(%error, path = %path.display(), "cannot prepare a log segment");
}

impl Drop for Spares {
    /// Whoever opens the directory next must not meet a thread of ours.
    fn drop(&mut self) {
        self.maker.ended.store(true, Ordering::Relaxed);
        if let Some(making) = self.making.take()
            && making.join().is_err()
        {
            tracing::warn!("the thread that prepares log segments panicked");
        }
    }
}
