//! A leader that is asked to stop hands over first.

use std::time::Duration;

use super::cluster::{Cluster, Wishes};
use super::ledger::Ledger;
use super::load::under_load;
use super::turn;

/// An election would take 580 ms at the least: a follower waits so long before it stands.
const QUICK: Duration = Duration::from_millis(500);

#[test]
fn a_leader_that_stops_hands_over_first() {
    let _turn = turn::alone();
    let (cluster, ledger) = (Cluster::start(Wishes::default()), Ledger::default());
    let mut pauses = Vec::new();
    under_load(&cluster, &ledger, || {
        for _ in 0..5 {
            ledger.await_acks(20);
            let leader = cluster.leader();
            ledger.begin_pause();
            cluster.expect(leader, "stop");
            ledger.await_acks(5);
            pauses.push(ledger.longest_pause());
            cluster.kill(leader);
            cluster.run(leader).expect("it starts again");
        }
    });
    ledger.judge(&cluster);
    println!("pauses in writing over a handover: {pauses:?}");
    pauses.sort_unstable();
    assert!(pauses[pauses.len() / 2] < QUICK, "it was an election: {pauses:?}");
}
