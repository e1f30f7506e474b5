//! One member of a store as a process: see [`xebec_bench::member`].

use anyhow::{Context, Result};
use clap::Parser;
use tokio::runtime::Builder;
use xebec_bench::member::{MemberOptions, run};

/// One member of a Xebec store, with as much of etcd's gRPC face as the benchmark needs
#[derive(Parser)]
#[command(name = "xebec-store-member")]
struct Arguments {
    #[command(flatten)]
    member: MemberOptions,
}

fn main() -> Result<()> {
    let Arguments { member } = Arguments::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter()).init();
    let mut runtime = match member.threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if member.threads > 1 {
        runtime.worker_threads(member.threads);
    }
    runtime.enable_all().build().context("start the runtime")?.block_on(run(member))
}

fn filter() -> tracing_subscriber::EnvFilter {
    tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into())
}
