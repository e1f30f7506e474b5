//! Files that hold secrets: mode 0600 from their first byte, replaced in one step, durable when the call returns.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::PkiError;

/// Creates a directory, and its parents, that only we may enter.
pub fn create_directory(path: &Path) -> Result<(), PkiError> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(path);
    created.map_err(|source| PkiError::File { operation: "create", path: path.to_owned(), source })
}

/// Writes a file of mode 0600: a temporary one beside it, synced, renamed over it.
pub fn write(path: &Path, content: &[u8]) -> Result<(), PkiError> {
    replace(path, content).map_err(|source| PkiError::File { operation: "write", path: path.to_owned(), source })
}

/// Reads a text.
pub fn read(path: &Path) -> Result<String, PkiError> {
    fs::read_to_string(path).map_err(|source| PkiError::File { operation: "read", path: path.to_owned(), source })
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_added_extension("tmp");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_are_for_their_owner_only_and_replaced_whole() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("a/pki");
        create_directory(&directory).unwrap();
        let path = directory.join("x.key");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap(), "two");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&directory)), (0o600, 0o700));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
    }
}
