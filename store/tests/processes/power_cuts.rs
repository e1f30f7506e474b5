//! Power cuts in mid-write: each member's directory is on an ext4 of its own that is shut down without flushing anything.

use std::time::Duration;

use super::cluster::{ALL, Cluster, Wishes};
use super::ledger::Ledger;
use super::load::under_load;
use super::machine::Volume;
use super::turn;

/// A member whose disk is gone ends by itself; one that happens not to write is ended.
const GRACE: Duration = Duration::from_millis(300);

#[test]
fn power_cuts_lose_nothing_acknowledged() {
    let _turn = turn::shared();
    let home = tempfile::tempdir().expect("there is room");
    let volumes = ["a", "b", "c"].map(|name| Volume::ext4(home.path(), name, 128 << 20));
    let dirs = [0, 1, 2].map(|at: usize| volumes[at].place().to_owned());
    let (cluster, ledger) = (Cluster::start(Wishes { dirs: Some(dirs), ..Wishes::default() }), Ledger::default());
    let cuts = turn::times("XEBEC_POWER_CUTS", 9, 50);
    under_load(&cluster, &ledger, || {
        for cut in 0..cuts {
            ledger.await_acks(30);
            // By turns one, two and all: of two, one may be the leader.
            let who: Vec<usize> = ALL.into_iter().map(|at| (at + cut) % 3).take(1 + cut % 3).collect();
            cut_power(&cluster, &ledger, &volumes, &who);
        }
        ledger.await_acks(30);
    });
    ledger.judge(&cluster);
    println!("{cuts} power cuts");
}

/// Nothing counts from just before the cut until the members are dead: a sync that was under way may be told as done.
fn cut_power(cluster: &Cluster, ledger: &Ledger, volumes: &[Volume; 3], who: &[usize]) {
    ledger.count(false);
    who.iter().for_each(|at| volumes[*at].cut_power());
    for at in who {
        if !cluster.has_ended(*at, GRACE) {
            cluster.kill(*at);
        }
    }
    ledger.count(true);
    who.iter().for_each(|at| volumes[*at].restore_power());
    who.iter().for_each(|at| cluster.run(*at).unwrap_or_else(|error| panic!("member {at} does not start: {error}")));
}
