//! `cargo xtask`: what a developer does, as commands with names.
//!
//! It depends on nothing of the product, so it builds in seconds and works while the product does not compile.

mod bench;
mod cargo;
mod codegen;
mod compatibility;
mod fuzz;
mod setup;
mod tidy;
mod up;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use xebec_integration_tests::artifacts;

/// What a developer does.
#[derive(Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is needed from Debian's packages, and build the clients of the scenarios; asks first, unless CI=true or --yes
    Setup {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Start a whole cluster on this machine, open the sample shop in it, and stay until Ctrl-C
    Up {
        /// Do not ask before packages are installed
        #[arg(long)]
        yes: bool,
        /// Build for speed; takes longer
        #[arg(long)]
        release: bool,
        /// Stop again as soon as the shop has answered
        #[arg(long)]
        once: bool,
    },
    /// Remove everything that a killed `up` or test run left
    Down,
    /// Set up, then verify
    Test {
        /// Do not ask before packages are installed
        #[arg(long)]
        yes: bool,
    },
    /// Change nothing, check everything: format, lints, tidy, documentation, tests, and the scenarios on a whole cluster
    Verify {
        /// Fuzz every decoder for a minute, too; installs cargo-fuzz and a nightly compiler when they are missing
        #[arg(long)]
        fuzz: bool,
    },
    /// Format, and apply what clippy can mend by itself
    Fix,
    /// Compare with others, side by side on this machine
    Bench {
        #[command(subcommand)]
        comparison: bench::Comparison,
    },
    /// Write the API's schema table again, after k8s-openapi or the supplement has changed
    Codegen,
    /// Write docs/kubernetes-compatibility.md and its lists again, from what Kubernetes has and from what tests do
    Compatibility,
    /// Check what compilers cannot: layers, module docs, lengths, unfinished work
    Tidy,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Setup { yes } => setup::with_clients(yes),
        Command::Up { yes, release, once } => setup::run(yes).and_then(|()| up::run(profile(release), once)),
        Command::Down => up::down(),
        Command::Test { yes } => test(yes),
        Command::Verify { fuzz } => verify().and_then(|()| if fuzz { fuzz::run() } else { Ok(()) }),
        Command::Fix => fix(),
        Command::Bench { comparison } => bench::run(&comparison),
        Command::Codegen => codegen::run(),
        Command::Compatibility => compatibility::run(),
        Command::Tidy => tidy::run(),
    }
}

fn profile(release: bool) -> artifacts::Profile {
    if release { artifacts::Profile::Release } else { artifacts::Profile::Dev }
}

fn test(yes: bool) -> Result<()> {
    setup::with_clients(yes)?;
    verify()
}

/// The cheapest first. Tests are built for the whole workspace at once: a part of it would have other features, and be
/// compiled again.
fn verify() -> Result<()> {
    cargo::step("format", &["fmt", "--all", "--check"])?;
    tidy::run()?;
    cargo::step("lints", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    cargo::documentation()?;
    cargo::step("tests", &["test", "--workspace"])
}

fn fix() -> Result<()> {
    cargo::step("lints", &["clippy", "--workspace", "--all-targets", "--fix", "--allow-dirty", "--allow-staged"])?;
    cargo::step("format", &["fmt", "--all"]).context("format what was mended")
}
