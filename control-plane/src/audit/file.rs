//! A file that is put aside when it is large, and of which old ones are removed. Mode 0600, in a directory of mode 0700.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use super::AuditConfig;

/// The file, and the bounds it keeps.
pub(super) struct RotatingFile {
    path: PathBuf,
    config: AuditConfig,
    file: BufWriter<File>,
    bytes: u64,
    /// Whether the last write failed: it is said once.
    broken: bool,
}

impl RotatingFile {
    /// Goes on with the file that is there, or begins one.
    pub(super) fn open(path: PathBuf, config: AuditConfig) -> std::io::Result<RotatingFile> {
        if let Some(folder) = path.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let file = open(&path)?;
        let bytes = file.metadata()?.len();
        Ok(RotatingFile { path, config, file: BufWriter::new(file), bytes, broken: false })
    }

    /// Adds a line.
    pub(super) fn write(&mut self, line: &str) {
        if self.bytes > 0 && self.bytes + line.len() as u64 > self.config.max_bytes {
            let rotated = self.rotate();
            self.note(rotated);
        }
        let written = self.file.write_all(line.as_bytes());
        self.bytes += line.len() as u64;
        self.note(written);
    }

    /// Gives the operating system everything; what that loses in a power cut is no state of the cluster.
    pub(super) fn flush(&mut self) {
        let flushed = self.file.flush();
        self.note(flushed);
    }

    fn note(&mut self, done: std::io::Result<()>) {
        match done {
            Ok(()) => self.broken = false,
            Err(error) if !self.broken => {
                self.broken = true;
                tracing::error!(%error, path = %self.path.display(), "audit records cannot be written");
            }
            Err(_) => {}
        }
    }

    fn rotate(&mut self) -> std::io::Result<()> {
        self.file.flush()?;
        let stamp = Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S.%6f");
        std::fs::rename(&self.path, self.path.with_file_name(format!("{}-{stamp}.log", stem(&self.path))))?;
        self.file = BufWriter::new(open(&self.path)?);
        self.bytes = 0;
        self.prune()
    }

    fn prune(&self) -> std::io::Result<()> {
        let mut aside = self.put_aside()?;
        // Names end with the time, so the newest sort last.
        aside.sort();
        let too_many = aside.len().saturating_sub(self.config.max_backups);
        let is_old = |path: &Path| {
            let modified = path.metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
            age.is_some_and(|age| age > self.config.max_age)
        };
        for (index, path) in aside.iter().enumerate() {
            if index < too_many || is_old(path) {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn put_aside(&self) -> std::io::Result<Vec<PathBuf>> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let prefix = format!("{}-", stem(&self.path));
        let entries = std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
        let is_ours = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&prefix) && name.ends_with(".log")
        };
        Ok(entries.filter(is_ours).collect())
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    File::options().create(true).append(true).mode(0o600).open(path)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_large_file_is_put_aside_and_old_ones_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit").join("audit.log");
        let config = AuditConfig { max_bytes: 100, max_backups: 2, ..AuditConfig::default() };
        let mut file = RotatingFile::open(path.clone(), config.clone()).unwrap();
        for i in 0..50 {
            file.write(&format!("line number {i:04} of a good length\n"));
        }
        file.flush();
        let mut aside = file.put_aside().unwrap();
        aside.sort();
        assert_eq!(aside.len(), 2);
        let newest = std::fs::read_to_string(&path).unwrap();
        assert!(newest.ends_with("line number 0049 of a good length\n") && newest.len() <= 100);
        let before = std::fs::read_to_string(&aside[1]).unwrap();
        assert!(before.contains("0047"), "{before}");
        for path in aside.iter().chain([&path]) {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        let again = RotatingFile::open(path, config).unwrap();
        assert_eq!(again.bytes, newest.len() as u64);
    }
}
