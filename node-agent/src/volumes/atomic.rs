//! Writing the files of a volume so that a reader sees all of the old or all of the new.
//!
//! ```text
//! key      -> ..data/key          a link for each first part of a path
//! ..data   -> ..1700000000123     replaced by a rename
//! ..1700000000123/key             the files
//! ```

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use xebec_node_plan::files::Files;

use super::VolumeError;

const DATA: &str = "..data";
const NEXT: &str = "..data_tmp";

/// A file of the volume cannot be written.
#[derive(Debug)]
pub(super) struct WriteError {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl WriteError {
    pub(super) fn of_volume(self, volume: &str) -> VolumeError {
        let WriteError { operation, path, source } = self;
        VolumeError::Io { volume: volume.to_owned(), operation, path, source }
    }
}

/// Makes the volume show exactly `files`; nothing is touched if it does.
pub(super) fn write(volume: &Path, files: &Files) -> Result<(), WriteError> {
    let old = std::fs::read_link(volume.join(DATA)).ok();
    if old.as_ref().is_some_and(|old| shows(&volume.join(old), files)) {
        return Ok(());
    }
    let new = format!("..{}", Timestamp::now().as_nanosecond());
    write_files(&volume.join(&new), files)?;
    let (next, data) = (volume.join(NEXT), volume.join(DATA));
    remove(&next)?;
    symlink(&new, &next).map_err(failed("create", &next))?;
    std::fs::rename(&next, &data).map_err(failed("replace", &data))?;
    link_names(volume, files)?;
    if let Some(old) = old.map(|old| volume.join(old)) {
        std::fs::remove_dir_all(&old).map_err(failed("remove", &old))?;
    }
    Ok(())
}

fn write_files(directory: &Path, files: &Files) -> Result<(), WriteError> {
    std::fs::create_dir(directory).map_err(failed("create", directory))?;
    for (name, file) in files {
        let path = directory.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed("create", parent))?;
        }
        std::fs::write(&path, &file.content).map_err(failed("write", &path))?;
        let mode = std::fs::Permissions::from_mode(file.mode);
        std::fs::set_permissions(&path, mode).map_err(failed("change the mode of", &path))?;
    }
    Ok(())
}

/// Links for what is there now; links for what has gone are removed.
fn link_names(volume: &Path, files: &Files) -> Result<(), WriteError> {
    let wanted: BTreeSet<&str> = files.keys().filter_map(|name| name.split('/').next()).collect();
    for name in &wanted {
        let link = volume.join(name);
        if link.symlink_metadata().is_err() {
            symlink(Path::new(DATA).join(name), &link).map_err(failed("create", &link))?;
        }
    }
    for entry in std::fs::read_dir(volume).map_err(failed("read", volume))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("..") && !wanted.contains(name.as_str()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn shows(directory: &Path, files: &Files) -> bool {
    let same = |(name, file): (&String, &xebec_node_plan::files::VolumeFile)| {
        std::fs::read(directory.join(name)).is_ok_and(|content| content == file.content)
    };
    count(directory) == files.len() && files.iter().all(same)
}

fn count(directory: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let size = |path: PathBuf| if path.is_dir() { count(&path) } else { 1 };
    entries.flatten().map(|entry| size(entry.path())).sum()
}

fn remove(path: &Path) -> Result<(), WriteError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(source)),
        _ => Ok(()),
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WriteError {
    let path = path.to_owned();
    move |source| WriteError { operation, path, source }
}

#[cfg(test)]
mod tests {
    use xebec_node_plan::files::VolumeFile;

    use super::*;

    fn files(items: &[(&str, &str)]) -> Files {
        let file = |content: &str| VolumeFile { content: content.as_bytes().to_vec(), mode: 0o640 };
        items.iter().map(|(name, content)| ((*name).to_owned(), file(content))).collect()
    }

    fn check(volume: &Path, expect: &[(&str, &str)]) {
        write(volume, &files(expect)).unwrap();
        let names = std::fs::read_dir(volume).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
        let names: BTreeSet<String> = names.filter(|name| !name.starts_with("..")).collect();
        let first = |name: &&str| name.split('/').next().unwrap().to_owned();
        assert_eq!(names, expect.iter().map(|(name, _)| first(name)).collect());
        for (name, content) in expect {
            assert_eq!(std::fs::read_to_string(volume.join(name)).unwrap(), *content);
        }
        let hidden = std::fs::read_dir(volume).unwrap().flatten().filter(|entry| entry.path().starts_with(".."));
        assert!(hidden.count() <= 2, "old contents are removed");
    }

    #[test]
    fn files_appear_change_and_vanish() {
        let volume = tempfile::tempdir().unwrap();
        check(volume.path(), &[("a", "1"), ("d/b", "2")]);
        let before = std::fs::read_link(volume.path().join(DATA)).unwrap();
        check(volume.path(), &[("a", "1"), ("d/b", "2")]);
        assert_eq!(
            std::fs::read_link(volume.path().join(DATA)).unwrap(),
            before,
            "nothing changed, nothing is written"
        );
        check(volume.path(), &[("a", "3"), ("c", "4")]);
        check(volume.path(), &[]);
    }
}
