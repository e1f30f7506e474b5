//! `up` and `down`: the whole ship on one machine, for a first look.

mod progress;
mod signals;
mod tour;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::artifacts::{self, Profile, workspace};
use xebec_integration_tests::cluster::{Cluster, START};
use xebec_integration_tests::hosts::{self, Plan};
use xebec_integration_tests::{cleanup, plans, shop, wait};

use progress::Progress;
use signals::Signals;

/// Six small pods from images that are there already; the deadline is for machines with other things to do.
const SHOP: Duration = Duration::from_secs(120);
/// As `xebec server` allots them.
const SERVICES: &str = "10.43.0.0/16";
/// Visits before the shop counts as open.
const VISITS: usize = 24;

/// Builds, starts, opens the shop, shows the way round, and stays until Ctrl-C, or with `once` not at all.
pub(crate) fn run(profile: Profile, once: bool) -> Result<()> {
    ensure!(
        nix::unistd::geteuid().is_root(),
        "network namespaces and containers need root: sudo --preserve-env=PATH,HOME cargo xtask up"
    );
    let progress = Progress::start();
    progress.step("building");
    let artifacts = artifacts::build(profile)?;
    let signals = Signals::catch()?;
    let plan = plans::up();
    progress.step("making hosts: network namespaces on a bridge");
    let mut cluster = Cluster::prepare(plan.clone(), artifacts)?;
    let opened = open(&mut cluster, &progress);
    let outcome = opened.and_then(|()| stay(&cluster, &progress, &signals, once));
    leave(cluster, &plan, &progress, outcome)
}

/// Removes what a killed run left, of `up` and of the tests.
pub(crate) fn down() -> Result<()> {
    ensure!(nix::unistd::geteuid().is_root(), "removing namespaces and containers needs root");
    for plan in [plans::up(), plans::test()] {
        cleanup::refuse_if_owned(&plan)?;
        cleanup::remove_everything(&plan)?;
    }
    eprintln!("Nothing is left.");
    Ok(())
}

fn open(cluster: &mut Cluster, progress: &Progress) -> Result<()> {
    for index in 1..=cluster.plan.masters {
        progress.step(&format!("starting master m{index}"));
        cluster.add_master()?;
    }
    for index in 1..=cluster.plan.workers {
        progress.step(&format!("starting worker w{index}"));
        cluster.add_worker()?;
    }
    cluster.wait_until_nodes_are_ready(START)?;
    progress.step("opening the shop");
    let client = cluster.client();
    shop::open(&client)?;
    shop::wait_until_ready(&client, SHOP)?;
    progress.step("visiting the shop");
    visit(cluster)
}

/// Through each worker's door, until each has led to a till.
fn visit(cluster: &Cluster) -> Result<()> {
    for worker in &cluster.workers {
        let door = IpAddr::V4(worker.host.address);
        let what = format!("the shop to answer at {}", worker.host.name);
        wait::until(&what, START, || shop::visit_node(door))?;
        for _ in 0..VISITS {
            shop::visit_node(door).context("a visitor was turned away")?;
        }
    }
    // So that this machine reaches services by their own addresses too.
    hosts::route_through(&cluster.plan, SERVICES, &cluster.workers[0].host)
}

fn stay(cluster: &Cluster, progress: &Progress, signals: &Signals, once: bool) -> Result<()> {
    progress.step("the shop is open");
    eprintln!("{}", tour::text(cluster)?);
    if !once {
        signals.wait();
    }
    Ok(())
}

/// Stops everything, whatever came before; the logs of a failure are kept.
fn leave(cluster: Cluster, plan: &Plan, progress: &Progress, outcome: Result<()>) -> Result<()> {
    let outcome = match outcome {
        Err(error) if wait::is_interrupted() => Err(error),
        Err(error) => {
            let logs = save_logs(plan)?;
            Err(error.context(format!("the cluster did not come up; its logs are in {}", logs.display())))
        }
        good => good,
    };
    wait::resume();
    progress.step("stopping everything");
    match cluster.stop() {
        Ok(()) => progress.step("stopped; nothing is left"),
        Err(error) => eprintln!("not everything could be stopped: {error:#}\n`cargo xtask down` tries again"),
    }
    outcome
}

fn save_logs(plan: &Plan) -> Result<PathBuf> {
    let folder = workspace().join("target").join(format!("{}-logs", plan.prefix));
    xebec_integration_tests::record::save_logs(&plan.directory(), &folder)?;
    Ok(folder)
}
