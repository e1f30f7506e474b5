//! Networks that let through one direction only.

use std::time::Duration;

use super::cluster::{ALL, Cluster, Wishes};
use super::ledger::Ledger;
use super::load::under_load;
use super::machine::Hosts;
use super::turn;

/// The longest that nobody may get an acknowledgement.
const OUTAGE: Duration = Duration::from_secs(2);
/// How long a cut lasts.
const CUT: Duration = Duration::from_millis(2500);

#[test]
fn one_way_cuts_stop_writes_for_two_seconds_at_most() {
    let _turn = turn::alone();
    let hosts = Hosts::new();
    let wishes = Wishes { places: Some(hosts.places()), ..Wishes::default() };
    let (cluster, ledger) = (Cluster::start(wishes), Ledger::default());
    under_load(&cluster, &ledger, || {
        for (from, to) in ALL.into_iter().flat_map(|from| ALL.map(|to| (from, to))).filter(|(from, to)| from != to) {
            let leader = cluster.leader();
            let cuts = [(from, to)];
            suffer(&hosts, &cluster, &ledger, &cuts, &format!("{from} reaches {to} no more, {leader} led"));
        }
        for middle in ALL {
            let (one, other) = ((middle + 1) % 3, (middle + 2) % 3);
            let leader = cluster.leader();
            let cuts = [(one, other), (other, one)];
            suffer(&hosts, &cluster, &ledger, &cuts, &format!("only {middle} reaches both others, {leader} led"));
        }
    });
    ledger.judge(&cluster);
}

fn suffer(hosts: &Hosts, cluster: &Cluster, ledger: &Ledger, cuts: &[(usize, usize)], what: &str) {
    ledger.await_acks(30);
    ledger.begin_pause();
    cuts.iter().for_each(|(from, to)| hosts.cut(*from, *to));
    std::thread::sleep(CUT);
    let outage = ledger.longest_pause();
    hosts.heal();
    println!("{what}: {} ms without a write", outage.as_millis());
    assert!(outage <= OUTAGE, "{what}: {} ms without a write", outage.as_millis());
    cluster.leader();
}
