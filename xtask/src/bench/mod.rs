//! `cargo xtask bench`: what is compared with others, side by side on this machine.

mod etcd;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use xebec_integration_tests::artifacts::workspace;

use crate::{cargo, setup};

/// What is compared.
#[derive(Subcommand)]
pub(crate) enum Comparison {
    /// The store with etcd: writes, reads, watches, memory, restart
    Store(StoreOptions),
}

#[derive(Args)]
pub(crate) struct StoreOptions {
    /// Do not ask before packages are installed
    #[arg(long)]
    yes: bool,
    /// Ours alone
    #[arg(long)]
    alone: bool,
    /// Also with a newer etcd, which is built if Go is there
    #[arg(long)]
    newer: bool,
    /// The comparison's own options, after `--`: `-- --help` names them, `-- --full` takes fifteen minutes
    #[arg(last = true)]
    options: Vec<String>,
}

pub(crate) fn run(comparison: &Comparison) -> Result<()> {
    match comparison {
        Comparison::Store(options) => store(options),
    }
}

fn store(options: &StoreOptions) -> Result<()> {
    let mut rivals: Vec<PathBuf> = Vec::new();
    if !options.alone {
        setup::install(&setup::ETCD, options.yes)?;
        rivals.push(PathBuf::from("/usr/bin/etcd"));
    }
    if options.newer && !options.alone {
        rivals.push(etcd::newer(&workspace().join("target/bench-store/newer-etcd"))?);
    }
    let profile = ["--profile", "bench-store", "--package", "xebec-bench"];
    cargo::step("build", &[&["build", "--bins"], &profile[..]].concat())?;
    let rivals = rivals.iter().map(|path| format!("--etcd={}", path.display()));
    let arguments: Vec<String> = rivals.chain(options.options.iter().cloned()).collect();
    let arguments = arguments.iter().map(String::as_str);
    let run = ["run", "--quiet", "--bin", "xebec-bench-store"].into_iter().chain(profile).chain(["--"]);
    cargo::step("compare", &run.chain(arguments).collect::<Vec<_>>())
}
