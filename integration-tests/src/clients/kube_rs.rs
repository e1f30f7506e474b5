//! The program on kube-rs: a workspace of its own, so that its dependencies change nothing about the product's.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// Builds it.
pub(super) fn build(sources: &Path, folder: &Path) -> Result<()> {
    let target = folder.join("kube-rs");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--locked", "--target-dir"]).arg(&target).current_dir(sources.join("kube-rs"));
    super::step(&mut command)?;
    let (built, program) = (target.join("debug/kube-rs-scenario"), folder.join("bin/kube-rs"));
    std::fs::copy(&built, &program).with_context(|| format!("copy {}", built.display())).map(drop)
}
