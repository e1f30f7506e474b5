//! Which files are read.

use std::path::{Path, PathBuf};

use super::KubeconfigError;

/// Readable by root on a master, where `xebec server` was told to write it.
const ADMIN: &str = "/etc/xebec/admin.kubeconfig";

/// The kubeconfig files, the most important first.
pub(crate) fn locate(flag: Option<&Path>) -> Result<Vec<PathBuf>, KubeconfigError> {
    if let Some(path) = flag {
        return Ok(vec![path.to_owned()]);
    }
    let named = named_by_environment();
    if !named.is_empty() {
        return Ok(existing(&named).unwrap_or(named)); // none exists: reading the first says so
    }
    let usual = usual();
    let found = usual.iter().find(|path| path.is_file()).cloned();
    let looked_for = || usual.iter().map(|path| path.display().to_string()).collect();
    found.map(|path| vec![path]).ok_or_else(|| KubeconfigError::NotFound { looked_for: looked_for() })
}

fn named_by_environment() -> Vec<PathBuf> {
    let value = std::env::var_os("KUBECONFIG").unwrap_or_default();
    std::env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect()
}

fn existing(named: &[PathBuf]) -> Option<Vec<PathBuf>> {
    let existing: Vec<_> = named.iter().filter(|path| path.exists()).cloned().collect();
    (!existing.is_empty()).then_some(existing)
}

fn usual() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".kube/config"));
    std::iter::once(PathBuf::from(ADMIN)).chain(home).collect()
}
