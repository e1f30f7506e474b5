//! Disks that fill up: an alarm before there is no room, reads and deletes meanwhile, and on as soon as there is room.

use std::io::Write;
use std::path::Path;

use nix::sys::statvfs::statvfs;

use super::cluster::{ALL, Cluster, Wishes, until};
use super::ledger::Ledger;
use super::load::under_load;
use super::machine::Volume;
use super::turn;

const MIB: u64 = 1 << 20;

#[test]
fn a_full_disk_raises_an_alarm_and_loses_nothing() {
    let _turn = turn::shared();
    let home = tempfile::tempdir().expect("there is room");
    let volumes = ["a", "b", "c"].map(|name| Volume::tmpfs(home.path(), name, 48 * MIB));
    let dirs = [0, 1, 2].map(|at: usize| volumes[at].place().to_owned());
    let segments = || vec![("MEMBER_SEGMENT".to_owned(), MIB.to_string())];
    let variables = [segments(), segments(), segments()];
    let wishes = Wishes { dirs: Some(dirs), reserve: 12 * MIB, variables, ..Wishes::default() };
    let (cluster, ledger) = (Cluster::start(wishes), Ledger::default());
    under_load(&cluster, &ledger, || ledger.await_acks(100));

    // One that is alone in it hands over.
    let full = cluster.leader();
    fill_up_to(volumes[full].place(), 8 * MIB);
    until("a member that has room leads", || cluster.leader() != full);
    under_load(&cluster, &ledger, || ledger.await_acks(100));
    empty(volumes[full].place());

    let written = fill(&cluster);
    let leader = cluster.leader();
    assert!(written > 0, "the alarm came before anything was written");
    assert!(cluster.says(leader, "put /more x").expect("it lives").contains("NoSpace"));
    // The rest goes, too: only what the log has ready is left.
    cluster.settle();
    volumes.iter().for_each(|volume| fill_up_to(volume.place(), 0));
    for n in 0..written / 2 {
        cluster.expect(cluster.leader(), &format!("delete /fill/{n:04}"));
    }
    ALL.iter().for_each(|at| drop(cluster.expect(*at, "barrier")));
    assert!(!cluster.expect(leader, "range /fill/").contains("/fill/0000"));

    for volume in &volumes {
        empty(volume.place());
        volume.grow(96 * MIB);
    }
    until("writes are taken again", || {
        cluster.says(cluster.leader(), "put /more x").is_some_and(|told| told.starts_with("ok"))
    });
    under_load(&cluster, &ledger, || ledger.await_acks(100));
    ledger.judge(&cluster);
}

/// Writes until the leader refuses; says how much it took.
fn fill(cluster: &Cluster) -> usize {
    for n in 0.. {
        let answer = cluster.says(cluster.leader(), &format!("fill /fill/{n:04} 200000")).expect("it lives");
        if answer.contains("NoSpace") {
            return n;
        }
        assert!(n < 10_000, "the alarm does not come");
    }
    unreachable!("the loop has no end of its own")
}

/// Takes all room but so many bytes.
fn fill_up_to(place: &Path, left: u64) {
    let free = || statvfs(place).map(|told| told.blocks_available() * told.fragment_size()).expect("it is there");
    let mut ballast = std::fs::File::create(place.join("ballast")).expect("a name takes no room");
    let step = vec![1; 4096];
    // Nothing is left when a write fails; others may take what was free a moment ago.
    while free() > left && ballast.write_all(&step).is_ok() {}
}

/// Gives it back.
fn empty(place: &Path) {
    std::fs::remove_file(place.join("ballast")).expect("it is ours");
}
