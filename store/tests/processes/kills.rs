//! SIGKILL, again and again: the leader, a follower, all.

use std::time::Duration;

use super::cluster::{ALL, Cluster, Wishes};
use super::ledger::Ledger;
use super::load::under_load;
use super::turn;

/// How long the leader's death stops writes, in the middle of all times: the machine may be busy with other tests.
const USUAL: Duration = Duration::from_secs(2);

#[test]
fn sigkill_loses_nothing_acknowledged() {
    let _turn = turn::shared();
    let (cluster, ledger) = (Cluster::start(Wishes::default()), Ledger::default());
    let cycles = turn::times("XEBEC_KILLS", 30, 200);
    let mut pauses = Vec::new();
    under_load(&cluster, &ledger, || {
        for cycle in 0..cycles {
            ledger.await_acks(20);
            match cycle % 3 {
                0 => pauses.push(kill_leader(&cluster, &ledger)),
                1 => kill_follower(&cluster, &ledger, cycle),
                _ => kill_all(&cluster),
            }
        }
        ledger.await_acks(20);
    });
    ledger.judge(&cluster);
    pauses.sort_unstable();
    let at = |part: usize| pauses[(pauses.len() - 1) * part / 100].as_millis();
    println!(
        "{cycles} kills; pause after the leader's: median {} ms, p90 {} ms, longest {} ms",
        at(50),
        at(90),
        at(100)
    );
    assert!(pauses[pauses.len() / 2] < USUAL, "{pauses:?}");
}

fn kill_leader(cluster: &Cluster, ledger: &Ledger) -> Duration {
    let leader = cluster.leader();
    ledger.begin_pause();
    cluster.kill(leader);
    ledger.await_acks(1);
    let pause = ledger.longest_pause();
    cluster.run(leader).expect("it starts again");
    pause
}

fn kill_follower(cluster: &Cluster, ledger: &Ledger, cycle: usize) {
    let follower = (cluster.leader() + 1 + cycle % 2) % 3;
    cluster.kill(follower);
    ledger.await_acks(10);
    cluster.run(follower).expect("it starts again");
}

fn kill_all(cluster: &Cluster) {
    ALL.iter().for_each(|at| cluster.kill(*at));
    ALL.iter().for_each(|at| cluster.run(*at).expect("it starts again"));
}
