//! Cgroups of a run, in every hierarchy (version 1, 2 or both): `/<prefix>-<worker>` and all below.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const ROOT: &str = "/sys/fs/cgroup";

/// Removes them, leaves first. Processes must be gone.
pub(super) fn remove_with_prefix(prefix: &str) -> Result<()> {
    let start = format!("{prefix}-");
    for hierarchy in hierarchies()? {
        let ours = folders(&hierarchy)?.into_iter().filter(|folder| named(folder, &start));
        ours.into_iter().try_for_each(|folder| remove(&folder))?;
    }
    Ok(())
}

fn named(folder: &Path, start: &str) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start))
}

/// The root (version 2) and each folder in it (version 1's controllers).
fn hierarchies() -> Result<Vec<PathBuf>> {
    let root = PathBuf::from(ROOT);
    let mut all = folders(&root)?;
    all.push(root);
    Ok(all)
}

fn folders(of: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(of).with_context(|| format!("list {}", of.display()))?;
    let folders = entries.filter_map(Result::ok).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    Ok(folders.map(|entry| entry.path()).collect())
}

/// A cgroup's files cannot be removed; the directory itself can, once no cgroup is below it.
fn remove(folder: &Path) -> Result<()> {
    folders(folder)?.iter().try_for_each(|child| remove(child))?;
    std::fs::remove_dir(folder).with_context(|| format!("remove cgroup {}", folder.display()))
}
