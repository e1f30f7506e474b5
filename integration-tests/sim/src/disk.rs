//! A member's disk: takes its time, loses what was not synced when the power goes, and may fail.

use std::io;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use xebec_store::testing::MemoryDisk;
use xebec_store::world::{DiskFailed, Workers};
use xebec_store::{Disk, DiskFile, Lock};

use crate::chance::Chance;

/// Clones are the same disk.
#[derive(Clone)]
pub(crate) struct SimDisk(Arc<Mutex<Platter>>);

struct Platter {
    contents: MemoryDisk,
    chance: Chance,
    slow: bool,
    health: Health,
    /// It says that it has synced and has not: a mutant.
    lies: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Good,
    /// The next sync fails.
    Failing,
    /// One did, and the member was told.
    Failed,
}

struct SimFile {
    disk: SimDisk,
    inner: Arc<dyn DiskFile>,
}

impl SimDisk {
    /// An empty one.
    pub(crate) fn new(chance: Chance, lies: bool) -> SimDisk {
        let contents = MemoryDisk::default();
        SimDisk(Arc::new(Mutex::new(Platter { contents, chance, slow: false, health: Health::Good, lies })))
    }

    /// Takes the power away: of what was not synced, each sector is kept or lost by chance. Good and quick again after it.
    pub(crate) fn power_cut(&self) {
        let mut platter = self.platter();
        let mut chance = platter.chance.fork();
        let keep = chance.within(0..100);
        platter.contents = platter.contents.after_power_cut(|| chance.percent(keep));
        platter.slow = false;
        platter.health = Health::Good;
    }

    /// Makes syncs slow, or quick again.
    pub(crate) fn set_slow(&self, slow: bool) {
        self.platter().slow = slow;
    }

    /// Lets the next sync fail.
    pub(crate) fn fail_next_sync(&self) {
        self.platter().health = Health::Failing;
    }

    /// Whether a sync has failed, and the member must not run on.
    pub(crate) fn has_failed(&self) -> bool {
        self.platter().health == Health::Failed
    }

    /// Whether syncs fail.
    pub(crate) fn is_failing(&self) -> bool {
        self.platter().health != Health::Good
    }

    /// The member was told that a sync has failed.
    pub(crate) fn stop(&self) {
        self.platter().health = Health::Failed;
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn contents(&self) -> MemoryDisk {
        self.platter().contents.clone()
    }

    fn file(&self, inner: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(SimFile { disk: self.clone(), inner })
    }
}

impl Disk for SimDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.contents().create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.contents().list(dir)
    }

    fn create(&self, path: &Path, zeros: u64) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.contents().create(path, zeros)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.contents().open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.contents().rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.contents().remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.contents().sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        self.contents().lock(path)
    }

    fn free(&self, dir: &Path) -> io::Result<u64> {
        self.contents().free(dir)
    }

    fn workers(&self) -> Workers {
        Workers::Tasks
    }

    fn sync_takes(&self) -> Duration {
        let mut platter = self.platter();
        if platter.slow { platter.chance.millis(40..250) } else { platter.chance.millis(0..4) }
    }

    fn give_up(&self) -> ! {
        self.stop();
        resume_unwind(Box::new(DiskFailed))
    }
}

impl DiskFile for SimFile {
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
        let (health, lies) = {
            let platter = self.disk.platter();
            (platter.health, platter.lies)
        };
        match health {
            Health::Good if lies => Ok(()),
            Health::Good => self.inner.sync(),
            Health::Failing | Health::Failed => Err(io::Error::other("the disk has failed")),
        }
    }
}
