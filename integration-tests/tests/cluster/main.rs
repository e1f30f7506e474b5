//! The scenarios: one real cluster, broken in every way that the failure model speaks of, mended, and looked at.
//!
//! They run one after the other on one shared cluster, in an order that leaves it whole for the next; so this binary has a
//! harness of its own. `cargo test -p xebec-integration-tests --test cluster -- WORD` plays those whose name holds WORD.
//! Namespaces and containers need root; without it nothing is played, and in CI that is a failure.

#![allow(clippy::print_stdout, reason = "a harness reports on standard output")]

mod agent_killed;
mod bad_input;
mod clients_seen;
mod container_killed;
mod helm;
mod kubectl;
mod leader_killed;
mod masters_restarted;
mod minority;
mod programs;
mod shop_opens;
mod strangers;
mod transcripts;
mod worker_lost;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use xebec_integration_tests::artifacts::{self, Profile, workspace};
use xebec_integration_tests::cluster::{Cluster, START};
use xebec_integration_tests::{plans, record, shop};

/// A story with an end.
struct Scenario {
    name: &'static str,
    play: fn(&mut Cluster) -> Result<()>,
}

const SCENARIOS: [Scenario; 17] = [
    Scenario { name: "strangers_are_refused_and_learn_nothing", play: strangers::play },
    Scenario { name: "the_shop_opens_on_both_workers", play: shop_opens::play },
    Scenario { name: "what_the_cli_and_kubectl_show", play: transcripts::play },
    Scenario { name: "an_older_kubectl_works", play: kubectl::old },
    Scenario { name: "a_newer_kubectl_works", play: kubectl::new },
    Scenario { name: "charts_of_helm_work", play: helm::play },
    Scenario { name: "informers_of_client_go_work", play: programs::client_go },
    Scenario { name: "an_operator_on_kube_rs_works", play: programs::kube_rs },
    Scenario { name: "the_python_client_works", play: programs::python },
    Scenario { name: "what_clients_use_is_written_down", play: clients_seen::play },
    Scenario { name: "bad_input_is_refused_by_both_faces", play: bad_input::play },
    Scenario { name: "a_killed_container_is_restarted", play: container_killed::play },
    Scenario { name: "a_killed_agent_finds_its_pods_again", play: agent_killed::play },
    Scenario { name: "no_write_is_lost_with_the_leader", play: leader_killed::play },
    Scenario { name: "a_minority_reads_and_promises_nothing", play: minority::play },
    Scenario { name: "all_masters_restart_into_the_same_state", play: masters_restarted::play },
    Scenario { name: "a_lost_workers_pods_are_replaced", play: worker_lost::play },
];

/// For the cluster to be whole before each scenario.
const WHOLE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        SCENARIOS.iter().for_each(|scenario| println!("{}: test", scenario.name));
        return ExitCode::SUCCESS;
    }
    if !nix::unistd::geteuid().is_root() {
        return refuse();
    }
    let filter = words.iter().find(|word| !word.starts_with('-'));
    match run(filter.map(String::as_str)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the cluster could not be built: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn refuse() -> ExitCode {
    eprintln!(
        "cluster scenarios: NOT RUN. Network namespaces and containers need root: sudo --preserve-env=PATH,HOME cargo xtask test"
    );
    if std::env::var("CI").is_ok_and(|value| value == "true") { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Returns how many failed.
fn run(filter: Option<&str>) -> Result<usize> {
    let artifacts = artifacts::build(Profile::Dev)?;
    let plan = plans::test();
    let mut cluster = Cluster::prepare(plan.clone(), artifacts)?;
    let built = build(&mut cluster);
    let chosen = SCENARIOS.iter().filter(|scenario| filter.is_none_or(|word| scenario.name.contains(word)));
    let failed = built.as_ref().map(|()| chosen.filter(|scenario| !play(scenario, &mut cluster)).count());
    if !matches!(failed, Ok(0)) {
        let logs = workspace().join("target").join(format!("{}-logs", plan.prefix));
        record::save_logs(&plan.directory(), &logs)?;
        eprintln!("the logs of all processes are in {}", logs.display());
    }
    let failed = failed.unwrap_or_default();
    cluster.stop().context("leave the machine as it was")?;
    built.map(|()| failed)
}

fn build(cluster: &mut Cluster) -> Result<()> {
    let started = Instant::now();
    (0..cluster.plan.masters).try_for_each(|_| cluster.add_master())?;
    (0..cluster.plan.workers).try_for_each(|_| cluster.add_worker())?;
    cluster.wait_until_nodes_are_ready(START)?;
    shop::open(&cluster.client())?;
    eprintln!("three masters and two workers are ready after {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn play(scenario: &Scenario, cluster: &mut Cluster) -> bool {
    let started = Instant::now();
    let outcome = whole(cluster).and_then(|()| (scenario.play)(cluster));
    let seconds = started.elapsed().as_secs_f64();
    match &outcome {
        Ok(()) => println!("test {} ... ok ({seconds:.1} s)", scenario.name),
        Err(error) => println!("test {} ... FAILED ({seconds:.1} s)\n  {error:#}", scenario.name),
    }
    outcome.is_ok()
}

/// What every scenario starts from.
fn whole(cluster: &mut Cluster) -> Result<()> {
    cluster.wait_until_nodes_are_ready(WHOLE).context("before the scenario")?;
    shop::wait_until_ready(&cluster.client(), WHOLE).context("before the scenario")
}
