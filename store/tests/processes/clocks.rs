//! Clocks that jump by hours: leases neither end early nor stay for ever, and nothing else notices.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::cluster::{ALL, Cluster, Wishes, until};
use super::ledger::Ledger;
use super::load::under_load;
use super::turn;

#[test]
fn clocks_that_jump_end_no_lease_and_keep_none() {
    let _turn = turn::shared();
    let home = tempfile::tempdir().expect("there is room");
    let clocks = [0, 1, 2].map(|at: usize| home.path().join(format!("clock-{at}")));
    clocks.iter().for_each(|clock| set(clock, "+0"));
    let variables = [0, 1, 2].map(|at: usize| fake(&clocks[at]));
    let (cluster, ledger) = (Cluster::start(Wishes { variables, ..Wishes::default() }), Ledger::default());
    cluster.expect(cluster.leader(), &format!("lease 7 {}", Duration::from_secs(1800).as_millis()));
    cluster.expect(cluster.leader(), "put /long kept 7");
    under_load(&cluster, &ledger, || {
        for (n, jump) in ["+3600", "-7200", "+0"].into_iter().enumerate() {
            // The leader's, then that of all.
            set(&clocks[cluster.leader()], jump);
            live_on(&cluster, &ledger, 100 + n);
            clocks.iter().for_each(|clock| set(clock, jump));
            live_on(&cluster, &ledger, 200 + n);
        }
    });
    ledger.judge(&cluster);
}

/// A short lease ends within seconds, the long one does not.
fn live_on(cluster: &Cluster, ledger: &Ledger, lease: usize) {
    ledger.await_acks(20);
    let leader = cluster.leader();
    cluster.expect(leader, &format!("lease {lease} 500"));
    cluster.expect(leader, &format!("put /short x {lease}"));
    until("a short lease ends", || cluster.expect(leader, "range /short").is_empty());
    // Looks for expired leases have come and gone with it.
    for at in ALL {
        cluster.expect(at, "barrier");
        assert_eq!(cluster.expect(at, "range /long"), "/long=kept", "a clock that jumped has ended a lease");
    }
}

/// Debian's libfaketime tells a process another time of day, as a file says, and leaves its other clocks alone.
fn fake(clock: &Path) -> Vec<(String, String)> {
    let variables = [
        ("LD_PRELOAD", library().display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    variables.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

fn library() -> PathBuf {
    let files = Command::new("dpkg").args(["--listfiles", "libfaketime"]).output().expect("this is a Debian");
    let files = String::from_utf8_lossy(&files.stdout).into_owned();
    let found = files.lines().find(|line| line.ends_with("/libfaketimeMT.so.1"));
    found.expect("this story needs Debian's package faketime (`cargo xtask setup`)").into()
}

fn set(clock: &Path, jump: &str) {
    // Never half a file: members read it at any moment.
    let aside = clock.with_extension("new");
    std::fs::write(&aside, jump).and_then(|()| std::fs::rename(&aside, clock)).expect("there is room");
}
