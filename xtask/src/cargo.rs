//! Steps that cargo does.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::artifacts::workspace;

/// Runs one, with a heading and its time.
pub(crate) fn step(name: &str, arguments: &[&str]) -> Result<()> {
    run(name, arguments, &[])
}

/// Runs tests that write what they expect.
pub(crate) fn updating(name: &str, arguments: &[&str]) -> Result<()> {
    run(name, arguments, &[("UPDATE_EXPECT", "1")])
}

/// The documentation, every broken link an error.
pub(crate) fn documentation() -> Result<()> {
    run("documentation", &["doc", "--workspace", "--no-deps", "--quiet"], &[("RUSTDOCFLAGS", "-D warnings")])
}

fn run(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    eprintln!("── {name}: cargo {}", arguments.join(" "));
    let started = Instant::now();
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(workspace())
        .status()
        .context("start cargo")?;
    ensure!(status.success(), "{name} failed ({status}); `cargo {}` repeats it", arguments.join(" "));
    eprintln!("── {name}: good, {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}
