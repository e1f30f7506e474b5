//! The Python client, in an environment of its own.

use std::path::Path;

use anyhow::Result;

/// Installs it.
pub(super) fn build(sources: &Path, folder: &Path) -> Result<()> {
    super::environment(&folder.join("python"), &sources.join("python/requirements.txt"))
}
