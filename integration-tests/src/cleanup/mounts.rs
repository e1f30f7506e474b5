//! Mounts below a run's directory: container roots, namespace pins, volumes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};

/// Unmounts all, the newest first. Detaching is enough: the processes are gone.
pub(super) fn unmount_below(directory: &Path) -> Result<()> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").context("read the mount table")?;
    for path in below(&table, directory).into_iter().rev() {
        match umount2(&path, MntFlags::MNT_DETACH) {
            Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {} // gone with its parent
            Err(error) => return Err(error).with_context(|| format!("unmount {}", path.display())),
        }
    }
    Ok(())
}

fn below(table: &str, directory: &Path) -> Vec<PathBuf> {
    let paths = table.lines().filter_map(|line| line.split(' ').nth(4)).map(|path| PathBuf::from(unescape(path)));
    paths.filter(|path| path.starts_with(directory) && path != directory).collect()
}

/// The kernel writes a space as `\040`; the other escapes do not occur in the names we make.
fn unescape(path: &str) -> String {
    path.replace("\\040", " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mounts_below_the_directory_are_taken() {
        let table =
            "36 35 0:1 / /var/lib/xb/w1/a\\040b rw - tmpfs x rw\n37 35 0:1 / /var/lib/xbother rw - tmpfs x rw\n";
        assert_eq!(below(table, Path::new("/var/lib/xb")), [PathBuf::from("/var/lib/xb/w1/a b")]);
    }
}
