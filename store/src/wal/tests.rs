//! Power cuts, torn tails and damage.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::record::{self, Kind};
use super::{EntryId, LogEntry, SavedVote, Wal, WalOptions};
use crate::disk::memory::MemoryDisk;
use crate::error::StoreError;

const SMALL: WalOptions = WalOptions { segment_bytes: 4096, cache_bytes: 600 };

fn dir() -> PathBuf {
    PathBuf::from("wal")
}

fn open(disk: &MemoryDisk) -> Result<Wal, StoreError> {
    Wal::open(Arc::new(disk.clone()), &dir(), SMALL)
}

fn id(term: u64, index: u64) -> EntryId {
    EntryId { term, node: 1, index }
}

fn entry(term: u64, index: u64) -> LogEntry {
    LogEntry { id: id(term, index), body: Bytes::from(format!("entry {term}/{index} ").repeat(5)) }
}

async fn append(wal: &Wal, entries: Vec<LogEntry>) {
    let (done, wait) = oneshot::channel();
    wal.append(entries, move || done.send(()).expect("the test waits")).await.expect("the log is open");
    wait.await.expect("the writer answers");
}

async fn append_each(wal: &Wal, term: u64, indexes: std::ops::Range<u64>) {
    for index in indexes {
        append(wal, vec![entry(term, index)]).await;
    }
}

/// All entries, which must be those that were written.
fn contents(wal: &Wal) -> Vec<(u64, u64)> {
    let entries = wal.read(0, u64::MAX, usize::MAX).expect("all entries are readable");
    entries.iter().for_each(|found| assert_eq!(*found, entry(found.id.term, found.id.index)));
    entries.iter().map(|entry| (entry.id.term, entry.id.index)).collect()
}

fn numbered(term: u64, indexes: std::ops::Range<u64>) -> Vec<(u64, u64)> {
    indexes.map(|index| (term, index)).collect()
}

fn first_segment(disk: &MemoryDisk) -> PathBuf {
    segments(disk).into_iter().next().expect("there is a segment")
}

fn segments(disk: &MemoryDisk) -> Vec<PathBuf> {
    let named = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "seg");
    disk.paths().into_iter().filter(named).collect()
}

/// A reproducible coin.
fn coin(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        seed >> 33
    }
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let disk = MemoryDisk::default();
    let wal = open(&disk).unwrap();
    wal.save_vote(SavedVote { term: 3, node: 2, committed: true }).await.unwrap();
    append_each(&wal, 3, 0..100).await;
    wal.save_committed(id(3, 80)).await.unwrap();
    wal.close().await;

    let wal = open(&disk).unwrap();
    assert!(wal.segment_count() > 1, "the log spans segments");
    assert_eq!(contents(&wal), numbered(3, 0..100));
    assert_eq!(wal.vote(), Some(SavedVote { term: 3, node: 2, committed: true }));
    assert_eq!(wal.committed(), Some(id(3, 80)));
    assert_eq!(wal.extent().last, Some(id(3, 99)));
}

#[tokio::test]
async fn truncated_entries_stay_away_and_new_ones_take_their_place() {
    let disk = MemoryDisk::default();
    let wal = open(&disk).unwrap();
    append_each(&wal, 1, 0..20).await;
    wal.truncate(10).await.unwrap();
    append_each(&wal, 2, 10..15).await;
    wal.close().await;
    let expected = [numbered(1, 0..10), numbered(2, 10..15)].concat();
    assert_eq!(contents(&open(&disk).unwrap()), expected);
}

#[tokio::test]
async fn purging_frees_segments_and_survives() {
    let disk = MemoryDisk::default();
    let wal = open(&disk).unwrap();
    wal.save_vote(SavedVote { term: 1, node: 1, committed: true }).await.unwrap();
    append_each(&wal, 1, 0..200).await;
    let before = wal.segment_count();
    wal.purge(id(1, 179)).await.unwrap();
    assert!(wal.segment_count() < before / 2, "{} of {before} segments are left", wal.segment_count());
    wal.close().await;

    let wal = open(&disk).unwrap();
    assert_eq!(contents(&wal), numbered(1, 180..200));
    assert_eq!(wal.extent().purged, Some(id(1, 179)));
    assert_eq!(wal.vote(), Some(SavedVote { term: 1, node: 1, committed: true }), "heads repeat the vote");
    append_each(&wal, 1, 200..210).await;
}

#[tokio::test]
async fn a_snapshot_beyond_the_log_purges_all_of_it() {
    let disk = MemoryDisk::default();
    let wal = open(&disk).unwrap();
    append_each(&wal, 1, 0..5).await;
    wal.purge(id(4, 100)).await.unwrap();
    append_each(&wal, 4, 101..103).await;
    wal.close().await;
    assert_eq!(contents(&open(&disk).unwrap()), numbered(4, 101..103));
}

#[tokio::test]
async fn a_hole_is_refused() {
    let wal = open(&MemoryDisk::default()).unwrap();
    append_each(&wal, 1, 0..2).await;
    assert!(wal.append(vec![entry(1, 5)], || ()).await.is_err());
}

/// The heart of it: whatever the disk kept of the unsynced sectors, every acknowledged entry is there.
#[tokio::test]
async fn power_cuts_lose_nothing_acknowledged() {
    for seed in 0..60 {
        let mut random = coin(seed);
        let disk = MemoryDisk::default();
        let wal = open(&disk).unwrap();
        let count = random() % 40;
        append_each(&wal, 1, 0..count).await;
        // Under way when the power goes.
        let batch = (count..count + random() % 20).map(|index| entry(1, index)).collect();
        wal.append(batch, || ()).await.unwrap();
        let after = disk.after_power_cut(|| random().is_multiple_of(2));

        let wal = open(&after).unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
        let found = contents(&wal);
        assert!(found.len() as u64 >= count, "seed {seed}: {} of {count} acknowledged entries", found.len());
        let next = found.len() as u64;
        append_each(&wal, 1, next..next + 3).await;
        wal.close().await;
        assert_eq!(contents(&open(&after).unwrap()), numbered(1, 0..next + 3), "seed {seed}");
    }
}

/// Writes three records as one torn batch: the first is bad, the last good. Nothing of it was acknowledged.
#[tokio::test]
async fn a_torn_batch_is_a_tail_even_if_its_end_is_good() {
    let disk = MemoryDisk::default();
    let wal = open(&disk).unwrap();
    append_each(&wal, 1, 0..3).await;
    let position = tail_of(&disk);
    append(&wal, vec![entry(1, 3), entry(1, 4), entry(1, 5)]).await;
    wal.close().await;
    disk.damage(&first_segment(&disk), position + record::HEADER + 20, |byte| *byte ^= 1);
    assert_eq!(contents(&open(&disk).unwrap()), numbered(1, 0..3));
}

/// Where the first segment's records end.
fn tail_of(disk: &MemoryDisk) -> usize {
    let bytes = bytes_of(disk, &first_segment(disk));
    let mut offset = 0;
    while let Some(found) = record::read(1, &bytes, offset).filter(|found| found.kind != Kind::End) {
        offset = found.end;
    }
    offset
}

fn bytes_of(disk: &MemoryDisk, path: &Path) -> Vec<u8> {
    use crate::disk::Disk;
    let file = disk.open(path).unwrap();
    let mut bytes = vec![0; file.length().unwrap() as usize];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

/// Every single bit flip below the last batch is noticed, or changes nothing.
#[tokio::test]
async fn damage_in_the_middle_is_refused() {
    let disk = MemoryDisk::default();
    let wal = open(&disk).unwrap();
    append_each(&wal, 1, 0..12).await;
    let position = tail_of(&disk);
    append(&wal, vec![entry(1, 12)]).await;
    wal.close().await;
    let path = first_segment(&disk);
    let mut refused = 0;
    for offset in 0..position {
        disk.damage(&path, offset, |byte| *byte ^= 1 << (offset % 8));
        match open(&disk.after_power_cut(|| true)) {
            Err(StoreError::Corrupt { .. }) => refused += 1,
            Err(error) => panic!("offset {offset}: {error:?}"),
            // Padding between records is not part of any.
            Ok(wal) => assert_eq!(contents(&wal), numbered(1, 0..13), "offset {offset}"),
        }
        disk.damage(&path, offset, |byte| *byte ^= 1 << (offset % 8));
    }
    assert!(refused * 10 > position * 9, "{refused} of {position} flips were refused");
}

#[tokio::test]
async fn damage_in_an_earlier_segment_is_refused() {
    let disk = MemoryDisk::default();
    let wal = open(&disk).unwrap();
    append_each(&wal, 1, 0..100).await;
    wal.close().await;
    disk.damage(&first_segment(&disk), 2000, |byte| *byte ^= 0xff);
    assert!(matches!(open(&disk), Err(StoreError::Corrupt { .. })));
}

/// The last segment too, wherever it is cut: what it lost may have been acknowledged.
#[tokio::test]
async fn a_segment_that_is_cut_off_is_refused() {
    let disk = MemoryDisk::default();
    let wal = open(&disk).unwrap();
    append_each(&wal, 1, 0..40).await;
    wal.close().await;
    for path in segments(&disk) {
        for length in (0..4096).step_by(61) {
            let copy = disk.after_power_cut(|| true);
            copy.cut_off(&path, length);
            assert!(matches!(open(&copy), Err(StoreError::Corrupt { .. })), "{} at {length}", path.display());
        }
    }
}

#[tokio::test]
async fn a_missing_segment_is_refused() {
    use crate::disk::Disk;
    let disk = MemoryDisk::default();
    let wal = open(&disk).unwrap();
    append_each(&wal, 1, 0..150).await;
    wal.close().await;
    disk.remove(&segments(&disk)[1]).unwrap();
    assert!(matches!(open(&disk), Err(StoreError::Corrupt { .. })));
}

/// Old entries leave the cache and are read from disk, checked again.
#[tokio::test]
async fn reads_from_disk_are_checked() {
    let disk = MemoryDisk::default();
    let wal = open(&disk).unwrap();
    append_each(&wal, 1, 0..50).await;
    assert_eq!(contents(&wal), numbered(1, 0..50));
    disk.damage(&first_segment(&disk), 300, |byte| *byte ^= 1);
    assert!(wal.read(0, 50, usize::MAX).is_err());
    let limited = wal.read(40, 50, 1).unwrap();
    assert_eq!(limited.len(), 1, "at least one entry, however small the limit");
}

/// The log goes on for ever in a few files, whose old contents never show.
#[tokio::test]
async fn purged_segments_are_used_again() {
    let disk = MemoryDisk::default();
    let wal = open(&disk).unwrap();
    for step in 0..40 {
        append_each(&wal, 1, step * 30..step * 30 + 30).await;
        wal.purge(id(1, step * 30 + 19)).await.unwrap();
    }
    wal.close().await;
    assert!(disk.paths().len() <= 10, "files: {:?}", disk.paths());
    let last = segments(&disk).pop().expect("there is a segment");
    let number = u64::from_str_radix(last.file_stem().unwrap().to_str().unwrap(), 16).unwrap();
    assert!(number > 20, "{number} segments were written");
    let rest = &bytes_of(&disk, &last)[..];
    assert!((1..number).any(|old| (0..rest.len()).step_by(8).any(|at| record::read(old, rest, at).is_some())));
    assert_eq!(contents(&open(&disk).unwrap()), numbered(1, 1190..1200));
}

/// Records of the same size everywhere, so that what a file held before lies exactly where new records begin.
#[tokio::test]
async fn power_cuts_lose_nothing_in_recycled_files() {
    for seed in 0..40 {
        let mut random = coin(seed);
        let mut disk = MemoryDisk::default();
        let mut life = Life::default();
        for _ in 0..4 {
            let wal = open(&disk).unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
            life.check(&contents(&wal), seed);
            life.go_on(&wal, random() % 5, &mut random).await;
            let torn = life.next..life.next + random() % 20;
            wal.append(torn.map(|index| entry(1, index)).collect(), || ()).await.unwrap();
            disk = disk.after_power_cut(|| random().is_multiple_of(2));
        }
    }
}

/// What a log was told.
#[derive(Default)]
struct Life {
    next: u64,
    purged: u64,
}

impl Life {
    fn check(&mut self, found: &[(u64, u64)], seed: u64) {
        let first = found.first().map_or(self.next, |(_, index)| *index);
        assert_eq!(first, self.purged, "seed {seed}");
        let end = self.purged + found.len() as u64;
        assert!(end >= self.next, "seed {seed}: it ends at {end}, but {} entries were acknowledged", self.next);
        self.next = end;
    }

    async fn go_on(&mut self, wal: &Wal, steps: u64, random: &mut impl FnMut() -> u64) {
        for _ in 0..steps {
            let (count, kept) = (random() % 60, random() % 30);
            append_each(wal, 1, self.next..self.next + count).await;
            self.next += count;
            self.purged = self.purged.max((self.next + 1).saturating_sub(kept)).min(self.next);
            if self.purged > 0 {
                wal.purge(id(1, self.purged - 1)).await.unwrap();
            }
        }
    }
}
