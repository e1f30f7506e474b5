//! A directory that does not grow: the same keys, written again and again.

use std::path::Path;
use std::time::Instant;

use super::cluster::{Cluster, Wishes};
use super::turn;

const KEYS: usize = 10_000;
/// Key and value as the state counts them, roughly.
const PAIR: u64 = 120;
/// The directory is that many times what lives in it, at most: history, two snapshots, the checkpoint, the log.
const FACTOR: u64 = 12;

#[test]
fn overwriting_does_not_fill_the_disk() {
    let _turn = turn::shared();
    let variables = [("MEMBER_SNAPSHOT_ENTRIES", "200"), ("MEMBER_HISTORY_REVISIONS", "20")];
    let variables = || variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let cluster = Cluster::start(Wishes { variables: [variables(), variables(), variables()], ..Wishes::default() });
    let (overwrites, start) = (turn::times("XEBEC_OVERWRITES", 100_000), Instant::now());
    let leader = cluster.leader();
    let mut largest = 0;
    for _ in 0..10 {
        cluster.expect(leader, &format!("overwrite {} {KEYS}", overwrites / 10));
        largest = largest.max(size(&cluster.dir(leader)));
    }
    let (live, left) = (KEYS as u64 * PAIR, size(&cluster.dir(leader)));
    println!(
        "{overwrites} overwrites of {KEYS} keys in {} ms: {} KiB live, {} KiB on disk, {} KiB at most",
        start.elapsed().as_millis(),
        live >> 10,
        left >> 10,
        largest >> 10
    );
    for part in ["wal", "snap", "state.sled"] {
        println!("{part}: {} KiB", size(&cluster.dir(leader).join(part)) >> 10);
    }
    assert!(largest < FACTOR * live, "{largest} bytes on disk for {live} live ones");
    cluster.settle();
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return std::fs::metadata(path).map_or(0, |file| file.len()) };
    entries.filter_map(Result::ok).map(|entry| size(&entry.path())).sum()
}
