//! One simulation from its beginning to its end.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use xebec_store::{StoreStatus, Tuning};

use crate::chance::Chance;
use crate::checks;
use crate::cluster::Cluster;
use crate::faults::{Fault, plan};
use crate::hooks::simulated;
use crate::member::{Command, Common, PATIENCE};
use crate::mutant::Mutant;
use crate::record::Recorder;
use crate::watchers::Pool;

const WATCHERS: u64 = 3;
/// A cluster is formed within it.
const FORMING: Duration = Duration::from_secs(20);
/// Clients work so long after everything was mended.
const CALMING: Duration = Duration::from_millis(1_500);
/// All members have the same, so long after everything was mended.
const CONVERGING: Duration = Duration::from_secs(40);
/// Between two attempts to bring the membership to an end.
const RECONCILING: Duration = Duration::from_millis(500);
/// Leases and watchers come to their end.
const WINDING_UP: Duration = Duration::from_secs(20);

/// What to simulate.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Everything follows from it.
    pub seed: u64,
    /// How long things go wrong, in simulated time.
    pub faults_for: Duration,
    /// A fault put in on purpose.
    pub mutant: Option<Mutant>,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// A number made of everything that was recorded.
    pub fingerprint: u64,
    /// Requests of clients.
    pub requests: usize,
    /// Revisions made.
    pub revisions: u64,
    /// Faults that happened.
    pub faults: BTreeMap<Fault, u64>,
    /// Time that passed in the simulated world.
    pub simulated: Duration,
    /// What should not be.
    pub violations: Vec<String>,
}

impl Scenario {
    /// A seed, as it is run over and over.
    pub fn of(seed: u64) -> Scenario {
        Scenario { seed, faults_for: Duration::from_secs(8), mutant: None }
    }

    /// Runs it, on a thread of its own.
    pub fn run(self) -> Report {
        simulated(self.seed, || self.play())
    }

    fn play(self) -> Report {
        let mut chance = Chance::new(self.seed);
        let recorder = Recorder::default();
        let quiet = Arc::new(AtomicBool::new(false));
        let common = Common {
            recorder: recorder.clone(),
            pool: Pool::of(WATCHERS),
            tuning: tuning(),
            mutant: self.mutant,
            quiet: quiet.clone(),
        };
        let members = if chance.percent(75) { 3 } else { 5 };
        let mut cluster = Cluster::new(chance.next(), members, common);
        let mut problems = Vec::new();
        if form(&mut cluster, members) {
            suffer(&mut cluster, &mut chance, self.faults_for);
            problems.extend(recover(&mut cluster, &quiet));
        } else {
            problems.push("no cluster was formed".to_owned());
        }
        let (simulated, faults) = (cluster.now(), std::mem::take(&mut cluster.happened));
        cluster.end();
        let mut record = recorder.open();
        record.problems.extend(problems);
        Report {
            seed: self.seed,
            fingerprint: fingerprint(&*record),
            requests: record.calls.len(),
            revisions: record.samples.iter().map(|sample| sample.revision).max().unwrap_or_default(),
            faults,
            simulated,
            violations: checks::violations(&record),
        }
    }
}

/// Small, so that segments roll, snapshots are made and history is dropped within seconds.
pub(crate) fn tuning() -> Tuning {
    Tuning {
        segment_bytes: 16 << 10,
        snapshot_entries: 150,
        snapshot_bytes: 64 << 10,
        history_revisions: 400,
        history_age: Duration::from_secs(4),
        checkpoint_interval: Duration::from_millis(700),
        watch_bytes: 4 << 10,
        ..Tuning::default()
    }
}

fn fingerprint(record: &impl fmt::Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{record:?}").hash(&mut hasher);
    hasher.finish()
}

/// The first member founds the cluster and takes the others in.
pub(crate) fn form(cluster: &mut Cluster, members: u64) -> bool {
    let runs = |cluster: &Cluster| cluster.seats().all(|seat| seat.store().is_some());
    if !cluster.step_until(FORMING, runs) {
        return false;
    }
    if let Some(first) = cluster.seats().next() {
        first.command(Command::Initialize);
    }
    if !cluster.step_until(FORMING, |cluster| cluster.leader().is_some()) {
        return false;
    }
    (2..=members).all(|id| {
        let member = cluster.seats().find(|seat| seat.id == id).map(|seat| seat.member());
        member.into_iter().for_each(|member| cluster.tell_leader(Command::Add(member)));
        cluster.step_until(FORMING, |cluster| status(cluster).is_some_and(|status| is_voter(&status, id)))
    })
}

/// As the leader sees the cluster.
fn status(cluster: &Cluster) -> Option<StoreStatus> {
    Some(cluster.leader()?.store()?.status())
}

fn is_voter(status: &StoreStatus, id: u64) -> bool {
    status.committed_members.contains(&id) && status.members.iter().any(|member| member.member.id == id && member.voter)
}

fn suffer(cluster: &mut Cluster, chance: &mut Chance, faults_for: Duration) {
    let end = cluster.now() + faults_for;
    let mut planned = plan(chance, cluster.now(), end).into_iter().peekable();
    while cluster.is_before(end) {
        while let Some(due) = planned.next_if(|planned| planned.at <= cluster.now()) {
            cluster.strike(&due);
        }
        step_and_look(cluster);
    }
}

fn step_and_look(cluster: &mut Cluster) {
    cluster.step();
    if cluster.is_time_to_look() {
        cluster.sample();
    }
}

/// Mends everything, and gives what does not come right.
fn recover(cluster: &mut Cluster, quiet: &AtomicBool) -> Vec<String> {
    cluster.heal();
    // Changes of the membership that are under way come to their end, one way or the other; clients need not work so long.
    let (calm, settled) = (cluster.now() + CALMING, cluster.now() + PATIENCE);
    while cluster.is_before(settled) {
        step_and_look(cluster);
        quiet.fetch_or(cluster.now() >= calm, Ordering::Relaxed);
    }
    let end = cluster.now() + CONVERGING;
    while cluster.is_before(end) {
        reconcile(cluster);
        let next = cluster.now() + RECONCILING;
        while cluster.is_before(next) {
            step_and_look(cluster);
        }
        if differences(cluster).is_empty() {
            return wind_up(cluster);
        }
    }
    differences(cluster).into_iter().map(|difference| format!("does not converge: {difference}")).collect()
}

/// Learners become voters, and whoever is not in the membership goes.
fn reconcile(cluster: &mut Cluster) {
    let Some(status) = status(cluster) else { return };
    let outside: Vec<u64> =
        cluster.seats().map(|seat| seat.id).filter(|id| !status.members.iter().any(|m| m.member.id == *id)).collect();
    outside.into_iter().for_each(|id| cluster.retire(id));
    for member in status.members.iter().filter(|member| !member.voter) {
        cluster.tell_leader(Command::Add(member.member.clone()));
    }
}

/// In what the members differ, or fall short.
fn differences(cluster: &Cluster) -> Vec<String> {
    let Some(leader) = status(cluster) else { return vec!["nobody leads".to_owned()] };
    let mut differences = Vec::new();
    if leader.members.iter().any(|member| !member.voter) {
        differences.push("there are learners left".to_owned());
    }
    for seat in cluster.seats() {
        let Some(store) = seat.store() else {
            differences.push(format!("member {} does not run", seat.id));
            continue;
        };
        let status = store.status();
        if status.applied_index != leader.applied_index {
            let (id, applied, wanted) = (seat.id, status.applied_index, leader.applied_index);
            differences.push(format!("member {id} has applied {applied}, the leader {wanted}"));
        }
        if status.committed_members != leader.committed_members {
            let (id, has) = (seat.id, status.committed_members);
            differences.push(format!("member {id} has the members {has:?}, the leader {:?}", leader.committed_members));
        }
    }
    differences
}

/// The last requests are answered, leases end, and watchers get to see all of it.
fn wind_up(cluster: &mut Cluster) -> Vec<String> {
    cluster.seats().for_each(|seat| seat.command(Command::ReadAll));
    let ended = |cluster: &Cluster| leftovers(cluster).is_empty();
    if cluster.step_until(WINDING_UP, ended) {
        cluster.sample();
        return Vec::new();
    }
    leftovers(cluster)
}

fn leftovers(cluster: &Cluster) -> Vec<String> {
    let mut left = Vec::new();
    let mut newest = 0;
    for store in cluster.seats().filter_map(|seat| seat.store()) {
        let state = store.state();
        newest = state.revision().max(newest);
        if state.count(b"/lease/") > 0 {
            left.push("keys outlive their lease".to_owned());
        }
    }
    left.extend(cluster.unread(newest));
    left
}
