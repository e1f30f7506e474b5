//! A directory that does not grow: the same keys, written again and again.

use std::fmt;
use std::path::Path;
use std::time::Instant;

use super::cluster::{Cluster, Wishes};
use super::member::VALUE;
use super::turn;

const KEYS: usize = 10_000;
/// The directory is so many times what the state holds, at most: two snapshots, the checkpoint, the log back to the older
/// snapshot, and the log's spares.
const FACTOR: u64 = 12;

#[test]
fn overwriting_does_not_fill_the_disk() {
    let _turn = turn::shared();
    let variables =
        [("MEMBER_SEGMENT", "1048576"), ("MEMBER_SNAPSHOT_ENTRIES", "100"), ("MEMBER_HISTORY_REVISIONS", "20")];
    let variables = || variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let cluster = Cluster::start(Wishes { variables: [variables(), variables(), variables()], ..Wishes::default() });
    let (overwrites, start) = (turn::times("XEBEC_OVERWRITES", 50_000, 100_000), Instant::now());
    let (mut held, mut sizes) = (0, Vec::new());
    for _ in 0..overwrites / KEYS {
        let leader = cluster.leader();
        cluster.expect(leader, &format!("overwrite {KEYS} {KEYS}"));
        held = held.max(cluster.expect(leader, "held").parse().expect("a number"));
        sizes.push(Sizes::of(&cluster.dir(leader)));
    }
    let largest = sizes.iter().max_by_key(|sizes| sizes.total()).expect("there are some");
    println!(
        "{overwrites} overwrites of {KEYS} keys in {} ms: {} KiB live, {} KiB with history, {} KiB on disk at most: {largest}",
        start.elapsed().as_millis(),
        (KEYS * VALUE) >> 10,
        held >> 10,
        largest.total() >> 10
    );
    assert!(largest.total() < FACTOR * held, "{largest} for {held} held bytes");
    cluster.settle();
}

/// What the parts of a directory take.
struct Sizes {
    log: u64,
    spares: u64,
    snapshots: u64,
    checkpoint: u64,
}

impl Sizes {
    fn of(dir: &Path) -> Sizes {
        let spares = files(&dir.join("wal"), |name| name.starts_with("spare"));
        let log = files(&dir.join("wal"), |name| !name.starts_with("spare"));
        Sizes { log, spares, snapshots: size(&dir.join("snap")), checkpoint: size(&dir.join("state.sled")) }
    }

    fn total(&self) -> u64 {
        self.log + self.spares + self.snapshots + self.checkpoint
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [log, spares, snapshots, checkpoint] =
            [self.log, self.spares, self.snapshots, self.checkpoint].map(|bytes| bytes >> 10);
        write!(f, "log {log} KiB, its spares {spares}, snapshots {snapshots}, checkpoint {checkpoint}")
    }
}

/// The bytes of a directory's files whose names are wanted.
fn files(dir: &Path, wanted: impl Fn(&str) -> bool) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    entries.filter(|entry| wanted(&entry.file_name().to_string_lossy())).map(|entry| size(&entry.path())).sum()
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return std::fs::metadata(path).map_or(0, |file| file.len()) };
    entries.filter_map(Result::ok).map(|entry| size(&entry.path())).sum()
}
