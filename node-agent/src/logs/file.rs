//! A log file that is rotated: `0.log` is written; `0.log.1` is the one before, and so on.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file that has grown to this is put aside.
pub(super) const LARGEST: u64 = 10 << 20;
/// Files put aside; older ones are removed.
pub(super) const KEPT: u32 = 4;

/// The file that a log is written to.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
    largest: u64,
}

impl LogFile {
    /// Opens a log to append to it.
    pub fn open(path: &Path) -> io::Result<LogFile> {
        Self::with_limit(path, LARGEST)
    }

    pub(super) fn with_limit(path: &Path, largest: u64) -> io::Result<LogFile> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let file = append(path)?;
        let size = file.metadata()?.len();
        Ok(LogFile { path: path.to_owned(), file, size, largest })
    }

    /// Appends whole records.
    pub fn write(&mut self, records: &[u8]) -> io::Result<()> {
        if self.size > 0 && self.size + records.len() as u64 > self.largest {
            self.rotate()?;
        }
        self.file.write_all(records)?;
        self.size += records.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            rename(&aside(&self.path, number), &aside(&self.path, number + 1))?;
        }
        rename(&self.path, &aside(&self.path, 1))?;
        self.file = append(&self.path)?;
        self.size = 0;
        Ok(())
    }
}

/// The files of a log, oldest first.
pub(super) fn parts(path: &Path) -> Vec<PathBuf> {
    let aside = (1..=KEPT).rev().map(|number| aside(path, number));
    aside.chain([path.to_owned()]).filter(|path| path.exists()).collect()
}

/// Removes all files of a log.
pub(super) fn remove_all(path: &Path) {
    for part in parts(path) {
        if let Err(error) = std::fs::remove_file(&part) {
            tracing::debug!(path = %part.display(), %error, "an old log could not be removed");
        }
    }
}

fn aside(path: &Path, number: u32) -> PathBuf {
    PathBuf::from(format!("{}.{number}", path.display()))
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o640).custom_flags(libc::O_NOFOLLOW).open(path)
}

/// Opens a file of a log to read it. A link in its place is refused: it would show a file that is none of the pod's.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
