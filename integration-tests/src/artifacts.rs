//! What is built before a cluster can run: the `xebec` binary, and the till as a static binary.
//!
//! cargo itself says where it put them, so any target directory will do.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// How much the compiler should try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build.
    Dev,
    /// Small and quick to run.
    Release,
}

/// The files that were built.
#[derive(Clone, Debug)]
pub struct Artifacts {
    /// The one binary.
    pub xebec: PathBuf,
    /// The shop's server, linked statically: its image holds nothing else.
    pub till: PathBuf,
}

/// Builds both; cargo's progress goes to standard error.
pub fn build(profile: Profile) -> Result<Artifacts> {
    let xebec = cargo(profile, &["build", "--workspace", "--bin", "xebec"], &[])?;
    let target = host_target()?;
    let static_link = ["--", "-C", "target-feature=+crt-static"];
    let till = cargo(profile, &["rustc", "--package", "till", "--bin", "till", "--target", &target], &static_link)?;
    Ok(Artifacts { xebec, till })
}

/// Runs cargo and returns the executable it made.
fn cargo(profile: Profile, arguments: &[&str], rest: &[&str]) -> Result<PathBuf> {
    let release = (profile == Profile::Release).then_some("--release");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .args(release)
        .arg("--message-format=json-render-diagnostics")
        .args(rest)
        .current_dir(workspace())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("start cargo")?;
    if !output.status.success() {
        bail!("`cargo {}` failed ({})", arguments.join(" "), output.status);
    }
    executable(&String::from_utf8_lossy(&output.stdout))
        .with_context(|| format!("`cargo {}` made no program", arguments.join(" ")))
}

fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut paths = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    paths.next_back()
}

/// A target named in full keeps `crt-static` away from build scripts and macros.
fn host_target() -> Result<String> {
    let told = crate::command::words("rustc --version --verbose")?;
    let line = told.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).context("rustc did not name its host")
}

/// The workspace's root, where the shop's manifest lies too.
pub fn workspace() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map_or_else(|| manifest.clone(), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_taken_from_cargos_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n{\"executable\":\"/t/xebec\"}\nnoise\n{\"reason\":\"build-finished\"}\n";
        assert_eq!(executable(messages), Some(PathBuf::from("/t/xebec")));
    }
}
