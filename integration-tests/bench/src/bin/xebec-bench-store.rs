//! `cargo xtask bench store`: the store beside etcd, see [`xebec_bench::report`].

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Parser;
use xebec_bench::report::{PlanOptions, compare};
use xebec_bench::rig::{Contestant, Program};

/// Our store and etcd on the same disk, in turns, under the same load. Everything read is compared with what was written
#[derive(Parser)]
#[command(name = "cargo xtask bench store")]
struct Arguments {
    #[command(flatten)]
    plan: PlanOptions,
    /// Programs of etcd to compare with; none: ours alone
    #[arg(long)]
    etcd: Vec<PathBuf>,
    /// Our program; the one beside this by default
    #[arg(long)]
    member: Option<PathBuf>,
    /// Threads of our member; 0: one for each core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Where the data goes: the disk that is measured
    #[arg(long, default_value = "target/bench-store-data")]
    dir: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Arguments { plan, etcd, member, threads, dir } = Arguments::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::WARN).init();
    let path = member.map_or_else(beside, Ok)?;
    let mut contestants = vec![Contestant { name: "xebec".to_owned(), program: Program::Xebec { path, threads } }];
    for path in etcd {
        let name = format!("etcd {}", version(&path)?);
        contestants.push(Contestant { name, program: Program::Etcd { path } });
    }
    compare(&plan.plan(), &contestants, &dir).await
}

fn beside() -> Result<PathBuf> {
    let this = std::env::current_exe().context("find this program")?;
    Ok(this.with_file_name("xebec-store-member"))
}

fn version(etcd: &Path) -> Result<String> {
    let output = Command::new(etcd).arg("--version").output().with_context(|| format!("run {}", etcd.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.lines().find_map(|line| line.strip_prefix("etcd Version: ")).map(str::to_owned);
    version.with_context(|| format!("{} does not tell its version", etcd.display()))
}
