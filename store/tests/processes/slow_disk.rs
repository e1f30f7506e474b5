//! Disks that take long to sync, and one that fails to.

use std::time::Duration;

use super::cluster::{Cluster, Wishes};
use super::ledger::Ledger;
use super::load::under_load;
use super::turn;

/// How long a disk is slow.
const SPELL: Duration = Duration::from_secs(4);

#[test]
fn slow_syncs_depose_nobody_and_a_failed_one_ends_the_process() {
    let _turn = turn::alone();
    let (cluster, ledger) = (Cluster::start(Wishes::default()), Ledger::default());
    under_load(&cluster, &ledger, || {
        ledger.await_acks(20);
        let leader = cluster.leader();
        for (who, at) in [("the leader", leader), ("a follower", (leader + 1) % 3)] {
            let (acks, changes) = spell(&cluster, &ledger, at);
            println!("{who} syncs in 200 ms: {acks} writes in {} s, {changes} changes of leader", SPELL.as_secs());
            assert!(changes <= 1, "an election storm: {changes} changes of leader");
            assert!(acks > 0, "writes go on");
        }
        let leader = cluster.leader();
        cluster.expect(leader, "fault sync eio 1");
        assert!(cluster.has_ended(leader, Duration::from_secs(5)), "a member whose disk failed goes on");
        ledger.await_acks(20);
        cluster.run(leader).expect("its disk is well again");
        ledger.await_acks(20);
    });
    ledger.judge(&cluster);
}

/// Acknowledgements and changes of leader while a member's disk is slow.
fn spell(cluster: &Cluster, ledger: &Ledger, at: usize) -> (u64, u64) {
    let (acks, term) = (ledger.acks(), cluster.term());
    cluster.expect(at, "fault sync slow 200");
    std::thread::sleep(SPELL);
    let told = (ledger.acks() - acks, cluster.term() - term);
    cluster.expect(at, "fault none none 0");
    ledger.await_acks(20);
    told
}
