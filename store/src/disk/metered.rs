//! A disk whose syncs are timed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Disk, DiskFile, Lock};
use crate::instruments::Instruments;
use crate::world::Workers;

/// Another disk, timed.
pub(crate) struct MeteredDisk {
    inner: Arc<dyn Disk>,
    instruments: Instruments,
}

struct MeteredFile {
    inner: Arc<dyn DiskFile>,
    path: PathBuf,
    instruments: Instruments,
}

impl MeteredDisk {
    pub(crate) fn new(inner: Arc<dyn Disk>, instruments: Instruments) -> MeteredDisk {
        MeteredDisk { inner, instruments }
    }
}

impl Disk for MeteredDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.inner.list(dir)
    }

    /// Not timed: nobody waits for a file that is made ready in advance.
    fn create(&self, path: &Path, zeros: u64) -> io::Result<Arc<dyn DiskFile>> {
        self.inner.create(path, zeros)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let inner = self.inner.open(path)?;
        Ok(Arc::new(MeteredFile { inner, path: path.to_owned(), instruments: self.instruments.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        self.inner.lock(path)
    }

    fn free(&self, dir: &Path) -> io::Result<u64> {
        self.inner.free(dir)
    }

    fn workers(&self) -> Workers {
        self.inner.workers()
    }

    fn sync_takes(&self) -> Duration {
        self.inner.sync_takes()
    }

    fn give_up(&self) -> ! {
        self.inner.give_up()
    }
}

impl DiskFile for MeteredFile {
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.inner.write_at(offset, data)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.inner.read_at(offset, buffer)
    }

    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn sync(&self) -> io::Result<()> {
        let start = Instant::now();
        let synced = self.inner.sync();
        self.instruments.synced(start.elapsed(), &self.path);
        synced
    }
}
