//! What a fresh Debian machine with Rust lacks, installed from its own packages.

use std::io::{BufRead, IsTerminal, Write};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use xebec_integration_tests::clients::Clients;
use xebec_integration_tests::command;

/// A package with what it is for.
type Package = (&'static str, &'static str);

const PACKAGES: [Package; 13] = [
    ("build-essential", "links Rust programs, compiles the little C that cryptography has"),
    ("busybox-static", "becomes the visitor's image"),
    ("ca-certificates", "fetches crates"),
    ("containerd", "runs containers"),
    ("e2fsprogs", "makes the file systems whose power is cut"),
    ("faketime", "lets clocks jump"),
    ("iproute2", "builds hosts as network namespaces"),
    ("nftables", "leads services to their pods"),
    ("openssl", "makes the certificate requests that kubectl brings"),
    ("protobuf-compiler", "compiles containerd's interface"),
    ("python3-venv", "keeps the Python client apart from the system's Python"),
    ("runc", "starts containers"),
    ("util-linux", "enters namespaces"),
];

/// What the store is compared with.
pub(crate) const ETCD: [Package; 1] = [("etcd-server", "is what the store is compared with")];

/// Installs what a cluster needs and is missing.
pub(crate) fn run(yes: bool) -> Result<()> {
    install(&PACKAGES, yes)
}

/// The same, and builds the clients of the scenarios: kubectl, helm and programs on client libraries, from the language registries.
pub(crate) fn with_clients(yes: bool) -> Result<()> {
    run(yes)?;
    eprintln!("── clients of the scenarios, built into target/clients");
    let started = Instant::now();
    Clients::build()?;
    eprintln!("── clients: good, {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Installs what is missing; asks first unless told not to, or in CI.
pub(crate) fn install(packages: &[Package], yes: bool) -> Result<()> {
    let missing: Vec<_> = packages.iter().filter(|(name, _)| !is_installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("These Debian packages are missing:");
    missing.iter().for_each(|(name, purpose)| eprintln!("  {name:20} {purpose}"));
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    let by_hand = format!("apt-get install --no-install-recommends {}", names.join(" "));
    ensure!(
        command::is_installed("apt-get"),
        "this is no Debian; install what these packages hold by your system's own means"
    );
    if !nix::unistd::geteuid().is_root() {
        bail!("installing needs root: sudo {by_hand}");
    }
    ensure!(yes || in_ci() || agreed()?, "nothing was installed; by hand: {by_hand}");
    apt(&["update", "--quiet"])?;
    apt(&[&["install", "--yes", "--quiet", "--no-install-recommends"], names.as_slice()].concat())
}

fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

fn is_installed(package: &str) -> bool {
    let query = command::run("dpkg-query", &["--show", "--showformat=${db:Status-Status}", package]);
    query.is_ok_and(|status| status == "installed")
}

fn agreed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    eprint!("Install them now? [y/N] ");
    std::io::stderr().flush().context("ask")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("hear the answer")?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

fn apt(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").status();
    let status = status.context("start apt-get")?;
    ensure!(status.success(), "`apt-get {}` failed ({status})", arguments.join(" "));
    Ok(())
}
