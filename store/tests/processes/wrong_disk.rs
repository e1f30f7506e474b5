//! Disks in the wrong machine, and disks that came back empty.

use super::cluster::{Cluster, Wishes};
use super::ledger::Ledger;
use super::load::under_load;
use super::turn;

#[test]
fn exchanged_and_emptied_disks_are_refused() {
    let _turn = turn::shared();
    let (cluster, ledger) = (Cluster::start(Wishes::default()), Ledger::default());
    under_load(&cluster, &ledger, || ledger.await_acks(50));

    [1, 2].iter().for_each(|at| cluster.kill(*at));
    cluster.swap_dirs(1, 2);
    for at in [1, 2] {
        let refused = cluster.run(at).expect_err("it is another's disk");
        assert!(refused.contains("WrongDisk"), "{refused}");
    }
    cluster.swap_dirs(1, 2);
    [1, 2].iter().for_each(|at| cluster.run(*at).expect("it is its own disk"));

    cluster.kill(1);
    std::fs::remove_dir_all(cluster.dir(1)).expect("it is ours");
    let refused = cluster.run(1).expect_err("it has forgotten everything");
    assert!(refused.contains("Emptied"), "{refused}");
    cluster.rebuild(1);
    under_load(&cluster, &ledger, || ledger.await_acks(50));
    ledger.judge(&cluster);
}
