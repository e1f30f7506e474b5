//! Simulated clusters: see the library's documentation.
#![allow(clippy::print_stdout, reason = "it speaks to whoever runs it by hand")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use xebec_sim::{Campaign, Fault, Mutant, Outage, Report, Scenario};

/// One minute of seeds; `XEBEC_SIM_SECONDS` says how long else, `XEBEC_SIM_FROM` with which seed it begins.
#[test]
fn seeds() {
    let lasts = Duration::from_secs(number("XEBEC_SIM_SECONDS").unwrap_or(60));
    let first = number("XEBEC_SIM_FROM").unwrap_or(1);
    let (seeds, requests, faults) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let failed = Campaign { first, lasts }.run(|report| {
        println!("{}", line(report));
        seeds.fetch_add(1, Ordering::Relaxed);
        requests.fetch_add(report.requests as u64, Ordering::Relaxed);
        faults.fetch_add(report.faults.values().sum(), Ordering::Relaxed);
    });
    let [seeds, requests, faults] = [seeds, requests, faults].map(AtomicU64::into_inner);
    println!(
        "{seeds} seeds from {first}: {requests} requests, {faults} faults, {} failed; load {}",
        failed.len(),
        load()
    );
    for report in &failed {
        println!("{report:#?}");
        println!("again: XEBEC_SIM_SEED={} cargo test -p xebec-sim --test sim one_seed -- --nocapture", report.seed);
    }
    assert!(seeds > 0 && failed.is_empty(), "{} of {seeds} seeds failed", failed.len());
}

/// `XEBEC_SIM_SEED` runs one seed again.
#[test]
fn one_seed() {
    let Some(seed) = number("XEBEC_SIM_SEED") else { return };
    let report = Scenario::of(seed).run();
    println!("{report:#?}");
    assert!(report.violations.is_empty());
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let [first, second] = [(); 2].map(|()| Scenario { faults_for: Duration::from_secs(3), ..Scenario::of(42) }.run());
    assert!(first.requests > 100, "{first:?}");
    assert_eq!(first.fingerprint, second.fingerprint);
    let other = Scenario { faults_for: Duration::from_secs(1), ..Scenario::of(43) }.run();
    assert_ne!(first.fingerprint, other.fingerprint);
}

#[test]
fn a_stale_read_is_caught() {
    catch(Mutant::StaleRead, 3);
}

#[test]
fn a_skipped_sync_is_caught() {
    catch(Mutant::SkippedSync, 4);
}

#[test]
fn a_dropped_watch_event_is_caught() {
    catch(Mutant::DroppedEvent, 2);
}

/// Members whose logs differ where both are committed: openraft may notice first, and a panic in a simulated world ends the
/// process. So each seed has one of its own.
#[test]
fn a_quorum_that_is_one_too_few_is_caught() {
    let seen = (1..=8).find_map(short_quorum_apart);
    println!("{}", seen.expect("it is caught"));
}

#[test]
#[ignore = "the test above runs it, as a process of its own"]
fn short_quorum() {
    let seed = number("XEBEC_SIM_SEED").expect("the seed is given");
    let report = Scenario { mutant: Some(Mutant::ShortQuorum), ..Scenario::of(seed) }.run();
    report.violations.first().into_iter().for_each(|violation| println!("{VIOLATION}{violation}"));
}

const VIOLATION: &str = "violation: ";
/// openraft's own assertion on committed entries.
const DIVERGED: &str = "<= self.committed()";

/// What gives the mutant away with this seed.
fn short_quorum_apart(seed: u64) -> Option<String> {
    let this = std::env::current_exe().expect("a test knows where it is");
    let arguments = ["short_quorum", "--exact", "--ignored", "--nocapture"];
    let run = std::process::Command::new(this).args(arguments).env("XEBEC_SIM_SEED", seed.to_string()).output();
    let run = run.expect("a test can be started");
    let said = [run.stdout, run.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().find(|line| line.starts_with(VIOLATION) || line.contains(DIVERGED))?;
    Some(format!("{:?} caught by seed {seed}: {line}", Mutant::ShortQuorum))
}

#[test]
fn a_gap_after_compaction_is_caught() {
    catch(Mutant::CompactionGap, 4);
}

/// Within so many seeds.
fn catch(mutant: Mutant, within: u64) {
    for seed in 1..=within {
        let report = Scenario { mutant: Some(mutant), ..Scenario::of(seed) }.run();
        if let Some(violation) = report.violations.first() {
            println!("{mutant:?} caught by seed {seed}: {violation}");
            return;
        }
    }
    panic!("{mutant:?} was not caught within {within} seeds");
}

/// A leader that is heard and does not hear must not keep the others from writing.
#[test]
fn one_way_cuts_heal_within_two_seconds() {
    let seeds = number("XEBEC_SIM_OUTAGES").unwrap_or(4);
    let measure = |watchdog| {
        let outage = |seed| Outage { seed, fault: Fault::DeafLeader, watchdog }.measure();
        let mut gaps: Vec<Duration> = (1..=seeds).map(outage).collect();
        gaps.sort_unstable();
        let (middle, longest) = (gaps[gaps.len() / 2], gaps[gaps.len() - 1]);
        println!("watchdog {watchdog}: {seeds} one-way cuts, no write for {middle:?} (p50), {longest:?} (max)");
        longest
    };
    assert!(measure(true) <= Duration::from_secs(2));
    if number("XEBEC_SIM_OUTAGES").is_some() {
        measure(false);
    }
}

fn line(report: &Report) -> String {
    let Report { seed, requests, revisions, simulated, .. } = report;
    let faults: u64 = report.faults.values().sum();
    format!("seed {seed}: {requests} requests, {revisions} revisions, {faults} faults in {simulated:?}")
}

fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, it is {text:?}")))
}
