//! A newer etcd than Debian's, built from its modules.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::command;

/// Pinned, so that figures can be compared.
const MODULE: &str = "go.etcd.io/etcd/server/v3@v3.7.3";
/// etcd's own program lies in a module that cannot be installed by its name.
const MAIN: &str = "package main

import (
\t\"os\"

\t\"go.etcd.io/etcd/server/v3/etcdmain\"
)

func main() { etcdmain.Main(os.Args) }
";

/// Builds it in `dir`, if it is not there already.
pub(super) fn newer(dir: &Path) -> Result<PathBuf> {
    let program = dir.join("etcd");
    if program.exists() {
        return Ok(program);
    }
    ensure!(command::is_installed("go"), "a newer etcd is built with Go, which is not installed");
    eprintln!("── {MODULE}: go build");
    std::fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    std::fs::write(dir.join("main.go"), MAIN).context("write the program")?;
    if !dir.join("go.mod").exists() {
        go(dir, &["mod", "init", "bench/etcd"])?;
    }
    go(dir, &["get", MODULE])?;
    go(dir, &["build", "-o", "etcd", "."])?;
    Ok(program)
}

fn go(dir: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new("go").args(arguments).current_dir(dir).status().context("start go")?;
    ensure!(status.success(), "`go {}` failed ({status})", arguments.join(" "));
    Ok(())
}
