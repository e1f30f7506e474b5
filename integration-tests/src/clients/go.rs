//! What is written in Go: two modules, each with the releases it pins.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

/// The oldest compiler that these releases build with.
const OLDEST: (u32, u32) = (1, 25);

/// Builds everything, with the compiler that is there or, if it is too old or missing, one of our own.
pub(super) fn build(sources: &Path, folder: &Path) -> Result<()> {
    let go = if is_new_enough() { PathBuf::from("go") } else { own_compiler(sources, folder)? };
    let bin = folder.join("bin");
    let programs = ["./kubectl", "./informer", "helm.sh/helm/v3/cmd/helm"];
    compile(&go, &sources.join("go"), "v1.35.1", &bin, &programs)?;
    compile(&go, &sources.join("kubectl-1.28"), "v1.28.15", &bin.join("kubectl-1.28"), &["."])
}

/// `release` is what kubectl says that it is.
fn compile(go: &Path, module: &Path, release: &str, output: &Path, packages: &[&str]) -> Result<()> {
    // Without debug information it links sooner.
    let linking = format!("-ldflags=-s -w -X k8s.io/component-base/version.gitVersion={release}");
    let flags = ["build", "-mod=readonly", "-buildvcs=false", "-trimpath", linking.as_str(), "-o"];
    let mut command = Command::new(go);
    super::step(
        command.args(flags).arg(folder_or_file(output)).args(packages).current_dir(module).env("GOTOOLCHAIN", "local"),
    )
}

/// Several programs go into a folder, which Go knows by its slash.
fn folder_or_file(output: &Path) -> String {
    let slash = if output.is_dir() { "/" } else { "" };
    format!("{}{slash}", output.display())
}

fn is_new_enough() -> bool {
    crate::command::words("go version").is_ok_and(|said| version(&said).is_some_and(|version| version >= OLDEST))
}

/// The major and minor version in what `go version` says.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.split(' ').nth(2)?.strip_prefix("go")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Debian 12 has a compiler that is too old; Python's registry has a new one as a package.
fn own_compiler(sources: &Path, folder: &Path) -> Result<PathBuf> {
    let environment = folder.join("go-compiler");
    super::environment(&environment, &sources.join("go/compiler.txt"))?;
    Ok(environment.join("bin/go"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_off_what_the_compiler_says() {
        assert_eq!(version("go version go1.26.8 linux/amd64\n"), Some((1, 26)));
        assert_eq!(version("go version go1.19 linux/amd64\n"), Some((1, 19)));
        assert_eq!(version("gccgo"), None);
        assert!((1, 19) < OLDEST);
    }
}
