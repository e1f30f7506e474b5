//! A disk that fails as it is told: late, short, full, broken or lying.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Disk, DiskFile, Lock};
use crate::world::Workers;

/// What a disk is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Making a directory.
    CreateDir,
    /// Listing one.
    List,
    /// Making a file.
    Create,
    /// Opening one.
    Open,
    /// Renaming.
    Rename,
    /// Removing.
    Remove,
    /// Making names durable.
    SyncDir,
    /// Writing to a file.
    Write,
    /// Reading from one.
    Read,
    /// Asking for its length.
    Length,
    /// Making its contents durable.
    Sync,
}

/// What happens instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and the system answers with this error, for example [`Fault::EIO`].
    Fail(i32),
    /// It is done, but only after so long.
    Slow(Duration),
    /// Of a write, the first half is done, then the disk is full.
    Short,
    /// One bit in the middle of what is written or read is the other.
    BitFlip,
}

impl Fault {
    /// The disk is broken.
    pub const EIO: Fault = Fault::Fail(nix::libc::EIO);
    /// The disk is full.
    pub const ENOSPC: Fault = Fault::Fail(nix::libc::ENOSPC);
}

/// On which of its operations a disk fails.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// On all.
    Always,
    /// On the n-th from now, counted from 1, and on no other.
    Nth(u64),
    /// On one of so many, drawn from a seed.
    OneIn {
        /// Of how many.
        of: u64,
        /// The same seed draws the same.
        seed: u64,
    },
}

/// Tells a disk how to fail. Clones tell the same disk.
#[derive(Clone, Default)]
pub struct Faults {
    rules: Arc<Mutex<Vec<Rule>>>,
}

struct Rule {
    operation: Operation,
    /// Only for paths that contain this.
    within: String,
    when: When,
    fault: Fault,
}

impl Faults {
    /// From now on, `operation` on paths that contain `within` meets `fault`. The first rule that fits counts.
    pub fn add(&self, operation: Operation, within: &str, when: When, fault: Fault) {
        self.rules().push(Rule { operation, within: within.to_owned(), when, fault });
    }

    /// The disk is as good as new.
    pub fn clear(&self) {
        self.rules().clear();
    }

    fn meets(&self, operation: Operation, path: &Path) -> Option<Fault> {
        let path = path.to_string_lossy();
        let mut rules = self.rules();
        let mut fitting = rules.iter_mut().filter(|rule| rule.operation == operation && path.contains(&rule.within));
        fitting.find_map(|rule| rule.when.comes().then_some(rule.fault))
    }

    /// What an operation that moves no bytes meets.
    #[expect(clippy::disallowed_methods, reason = "a slow disk holds up whoever asks it")]
    fn pass(&self, operation: Operation, path: &Path) -> io::Result<()> {
        match self.meets(operation, path) {
            Some(Fault::Fail(errno)) => Err(io::Error::from_raw_os_error(errno)),
            Some(Fault::Short) => Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::Slow(delay)) => {
                std::thread::sleep(delay);
                Ok(())
            }
            Some(Fault::BitFlip) | None => Ok(()),
        }
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl When {
    /// Whether this time is one; counts it.
    fn comes(&mut self) -> bool {
        match self {
            When::Always => true,
            When::Nth(left) => {
                let now = *left == 1;
                *left = left.saturating_sub(1);
                now
            }
            When::OneIn { of, seed } => {
                *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (*seed >> 33).is_multiple_of((*of).max(1))
            }
        }
    }
}

/// Another disk, with faults.
pub struct FaultyDisk {
    inner: Arc<dyn Disk>,
    faults: Faults,
}

struct FaultyFile {
    inner: Arc<dyn DiskFile>,
    path: PathBuf,
    faults: Faults,
}

impl FaultyDisk {
    /// `inner`, failing as `faults` says.
    pub fn new(inner: Arc<dyn Disk>, faults: Faults) -> FaultyDisk {
        FaultyDisk { inner, faults }
    }

    fn wrap(&self, path: &Path, inner: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile { inner, path: path.to_owned(), faults: self.faults.clone() })
    }
}

impl Disk for FaultyDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.faults.pass(Operation::CreateDir, path)?;
        self.inner.create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.faults.pass(Operation::List, dir)?;
        self.inner.list(dir)
    }

    fn create(&self, path: &Path, zeros: u64) -> io::Result<Arc<dyn DiskFile>> {
        self.faults.pass(Operation::Create, path)?;
        Ok(self.wrap(path, self.inner.create(path, zeros)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.faults.pass(Operation::Open, path)?;
        Ok(self.wrap(path, self.inner.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.faults.pass(Operation::Rename, from)?;
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.faults.pass(Operation::Remove, path)?;
        self.inner.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.faults.pass(Operation::SyncDir, dir)?;
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

#[expect(clippy::disallowed_methods, reason = "a slow disk holds up whoever asks it")]
impl DiskFile for FaultyFile {
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        match self.faults.meets(Operation::Write, &self.path) {
            Some(Fault::Short) => {
                self.inner.write_at(offset, &data[..data.len() / 2])?;
                return Err(io::ErrorKind::StorageFull.into());
            }
            Some(Fault::BitFlip) => return self.inner.write_at(offset, &flipped(data)),
            Some(Fault::Fail(errno)) => return Err(io::Error::from_raw_os_error(errno)),
            Some(Fault::Slow(delay)) => std::thread::sleep(delay),
            None => {}
        }
        self.inner.write_at(offset, data)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let fault = self.faults.meets(Operation::Read, &self.path);
        match fault {
            Some(Fault::Fail(errno)) => return Err(io::Error::from_raw_os_error(errno)),
            Some(Fault::Short) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some(Fault::Slow(delay)) => std::thread::sleep(delay),
            Some(Fault::BitFlip) | None => {}
        }
        self.inner.read_at(offset, buffer)?;
        if fault == Some(Fault::BitFlip) {
            buffer.copy_from_slice(&flipped(buffer));
        }
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        self.faults.pass(Operation::Length, &self.path)?;
        self.inner.length()
    }

    fn sync(&self) -> io::Result<()> {
        self.faults.pass(Operation::Sync, &self.path)?;
        self.inner.sync()
    }
}

fn flipped(data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    let middle = data.len() / 2;
    if let Some(byte) = data.get_mut(middle) {
        *byte ^= 0x10;
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::memory::MemoryDisk;

    #[test]
    fn faults_come_when_they_were_told_to() {
        let faults = Faults::default();
        let disk = FaultyDisk::new(Arc::new(MemoryDisk::default()), faults.clone());
        let file = disk.create(Path::new("wal/a"), 8).unwrap();
        faults.add(Operation::Sync, "wal", When::Nth(2), Fault::EIO);
        faults.add(Operation::Write, "elsewhere", When::Always, Fault::ENOSPC);
        assert!(file.sync().is_ok());
        assert_eq!(file.sync().unwrap_err().raw_os_error(), Some(nix::libc::EIO));
        assert!(file.sync().is_ok());
        assert!(file.write_at(0, b"12345678").is_ok());

        faults.add(Operation::Write, "", When::Nth(1), Fault::Short);
        assert!(crate::disk::disk_is_full(&file.write_at(0, b"abcdefgh").unwrap_err()));
        let mut bytes = [0; 8];
        file.read_at(0, &mut bytes).unwrap();
        assert_eq!(&bytes, b"abcd5678");

        faults.add(Operation::Read, "", When::Nth(1), Fault::BitFlip);
        file.read_at(0, &mut bytes).unwrap();
        assert_eq!(&bytes, b"abcd%678");
    }

    #[test]
    fn a_seed_draws_the_same_again() {
        let draw = |seed| {
            let mut when = When::OneIn { of: 5, seed };
            (0..100).map(|_| when.comes()).collect::<Vec<bool>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!((5..40).contains(&draw(7).iter().filter(|comes| **comes).count()));
    }
}
