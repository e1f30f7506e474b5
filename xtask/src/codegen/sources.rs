//! Where the sources lie, and which files of them are read.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;
use xebec_integration_tests::artifacts::workspace;

/// A source file.
pub(super) struct Source {
    /// The package of the API, such as `io.k8s.api.core.v1`.
    pub(super) package: String,
    /// All of it.
    pub(super) text: String,
}

/// The sources of a dependency of a manifest. Cargo downloads them if need be.
pub(super) fn dependency(manifest: &str, name: &str) -> Result<PathBuf> {
    let metadata = MetadataCommand::new().manifest_path(workspace().join(manifest)).exec().context("cargo metadata")?;
    let package = metadata.packages.iter().find(|package| package.name.as_str() == name);
    let package = package.with_context(|| format!("{manifest} does not depend on {name}"))?;
    let folder = package.manifest_path.parent().context("a manifest lies in a folder")?;
    Ok(folder.join("src").into_std_path_buf())
}

/// Every Rust file below a folder, with its package.
pub(super) fn read(root: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    visit(root, "io.k8s".into(), &mut sources)?;
    Ok(sources)
}

fn visit(folder: &Path, package: String, sources: &mut Vec<Source>) -> Result<()> {
    let listing = std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = listing.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            visit(&path, format!("{package}.{}", name.replace('_', "-")), sources)?;
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            sources.push(Source { package: package.clone(), text });
        }
    }
    Ok(())
}
