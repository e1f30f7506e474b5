//! `cargo xtask verify --fuzz`: every fuzz target for a minute.
//!
//! Fuzzing needs a nightly compiler and cargo-fuzz. They are installed when they are missing, and only when somebody asks for fuzzing.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::artifacts::workspace;

const SECONDS: u32 = 60;
/// A target that needs more has a bug of its own.
const MEGABYTES: u32 = 2_048;

/// Runs them all; the first input that breaks one is left in `fuzz/artifacts`.
pub(crate) fn run() -> Result<()> {
    install()?;
    let listed = output(&["run", "nightly", "cargo", "fuzz", "list"])?;
    let targets: Vec<&str> = listed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    ensure!(!targets.is_empty(), "there is no fuzz target");
    for target in targets {
        eprintln!("── fuzz {target}: {SECONDS} s");
        let bounds = [format!("-max_total_time={SECONDS}"), format!("-rss_limit_mb={MEGABYTES}")];
        let mut arguments = vec!["run", "nightly", "cargo", "fuzz", "run", target, "--"];
        arguments.extend(bounds.iter().map(String::as_str));
        rustup(&arguments).with_context(|| format!("fuzz {target}; fuzz/artifacts/{target} holds the input"))?;
    }
    Ok(())
}

fn install() -> Result<()> {
    if output(&["run", "nightly", "rustc", "--version"]).is_err() {
        rustup(&["toolchain", "install", "nightly", "--profile", "minimal"])?;
    }
    if output(&["run", "nightly", "cargo", "fuzz", "--version"]).is_err() {
        rustup(&["run", "stable", "cargo", "install", "cargo-fuzz", "--locked"])?;
    }
    Ok(())
}

/// What this process was started with must not choose the compiler for what it starts.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.args(arguments).current_dir(workspace());
    ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC", "RUSTFLAGS"].iter().for_each(|name| {
        command.env_remove(name);
    });
    command
}

fn rustup(arguments: &[&str]) -> Result<()> {
    let status = command(arguments).status().context("start rustup; fuzzing needs its nightly compiler")?;
    ensure!(status.success(), "`rustup {}` failed ({status})", arguments.join(" "));
    Ok(())
}

fn output(arguments: &[&str]) -> Result<String> {
    let output = command(arguments).output().context("start rustup; fuzzing needs its nightly compiler")?;
    ensure!(output.status.success(), "`rustup {}` failed", arguments.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
