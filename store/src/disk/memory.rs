//! A disk in memory whose plug can be pulled: what was not synced is lost, in part or altogether.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile, Lock};

/// Disks write whole sectors; a cut falls between two.
const SECTOR: usize = 512;

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    tree: Arc<Mutex<Tree>>,
}

#[derive(Default)]
struct Tree {
    /// Names as programs see them.
    now: BTreeMap<PathBuf, MemoryFile>,
    /// Names as they are after a power cut.
    durable: BTreeMap<PathBuf, MemoryFile>,
}

#[derive(Clone, Default)]
struct MemoryFile {
    contents: Arc<Mutex<Contents>>,
}

#[derive(Default)]
struct Contents {
    now: Vec<u8>,
    durable: Vec<u8>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn missing() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl MemoryDisk {
    /// The disk after a power cut. Each unsynced sector is kept if `keep` says so, as a real cache may have written
    /// any of them. Programs that hold files of the old disk cannot reach the new one.
    pub fn after_power_cut(&self, mut keep: impl FnMut() -> bool) -> MemoryDisk {
        let tree = lock(&self.tree);
        let survivors: BTreeMap<PathBuf, MemoryFile> =
            tree.durable.iter().map(|(path, file)| (path.clone(), file.survived(&mut keep))).collect();
        let copy = |(path, file): (&PathBuf, &MemoryFile)| (path.clone(), file.clone());
        let durable = survivors.iter().map(copy).collect();
        MemoryDisk { tree: Arc::new(Mutex::new(Tree { now: survivors, durable })) }
    }

    /// Changes bytes behind everybody's back.
    pub fn damage(&self, path: &Path, offset: usize, change: impl FnOnce(&mut u8)) {
        let file = lock(&self.tree).now.get(path).cloned().expect("the file to damage exists");
        let mut contents = lock(&file.contents);
        change(&mut contents.now[offset]);
        contents.durable = contents.now.clone();
    }

    /// Cuts a file off behind everybody's back.
    pub fn cut_off(&self, path: &Path, length: usize) {
        let file = lock(&self.tree).now.get(path).cloned().expect("the file to cut exists");
        let mut contents = lock(&file.contents);
        contents.now.truncate(length);
        contents.durable = contents.now.clone();
    }

    /// All files.
    pub fn paths(&self) -> Vec<PathBuf> {
        lock(&self.tree).now.keys().cloned().collect()
    }
}

impl MemoryFile {
    fn survived(&self, keep: &mut impl FnMut() -> bool) -> MemoryFile {
        let contents = lock(&self.contents);
        let mut left = contents.durable.clone();
        left.resize(contents.now.len().max(left.len()), 0);
        for (start, sector) in contents.now.chunks(SECTOR).enumerate().map(|(n, sector)| (n * SECTOR, sector)) {
            if left[start..start + sector.len()] != *sector && keep() {
                left[start..start + sector.len()].copy_from_slice(sector);
            }
        }
        let contents = Contents { now: left.clone(), durable: left };
        MemoryFile { contents: Arc::new(Mutex::new(contents)) }
    }
}

impl Disk for MemoryDisk {
    fn create_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let tree = lock(&self.tree);
        let inside = tree.now.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn create(&self, path: &Path, zeros: u64) -> io::Result<Arc<dyn DiskFile>> {
        let file = MemoryFile::default();
        lock(&file.contents).now = vec![0; zeros as usize];
        lock(&self.tree).now.insert(path.to_owned(), file.clone());
        Ok(Arc::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = lock(&self.tree).now.get(path).cloned().ok_or_else(missing)?;
        Ok(Arc::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut tree = lock(&self.tree);
        let file = tree.now.remove(from).ok_or_else(missing)?;
        tree.now.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        lock(&self.tree).now.remove(path).map(drop).ok_or_else(missing)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut tree = lock(&self.tree);
        tree.durable.retain(|path, _| path.parent() != Some(dir));
        let inside: Vec<_> = tree.now.iter().filter(|(path, _)| path.parent() == Some(dir)).collect();
        let copied: Vec<_> = inside.into_iter().map(|(path, file)| (path.clone(), file.clone())).collect();
        tree.durable.extend(copied);
        Ok(())
    }

    /// Nobody else knows of it.
    fn lock(&self, _path: &Path) -> io::Result<Lock> {
        Ok(Box::new(()))
    }

    /// Without bounds.
    fn free(&self, _dir: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

impl DiskFile for MemoryFile {
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut contents = lock(&self.contents);
        let end = offset as usize + data.len();
        if contents.now.len() < end {
            contents.now.resize(end, 0);
        }
        contents.now[offset as usize..end].copy_from_slice(data);
        Ok(())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let contents = lock(&self.contents);
        let wanted = offset as usize..offset as usize + buffer.len();
        let found = contents.now.get(wanted).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(lock(&self.contents).now.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        let mut contents = lock(&self.contents);
        contents.durable = contents.now.clone();
        Ok(())
    }
}
