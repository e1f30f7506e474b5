//! What was saved is found again, and what is damaged is not.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use xebec_kv::{Body, Command, Op, RequestId, State, Txn};

use super::SnapshotDir;
use crate::disk::Disk;
use crate::disk::memory::MemoryDisk;
use crate::error::StoreError;
use crate::raft::Image;
use crate::raft::codec::log_id;
use crate::wal::EntryId;

fn image(index: u64) -> Image {
    let mut state = State::default();
    for n in 0..index {
        let key = Bytes::from(format!("/registry/core/pods/{}", n % 7));
        let put = Op::Put { key, value: Bytes::from(vec![n as u8; 300]), lease: 0 };
        let body = Body::Txn(Txn { success: vec![put], ..Txn::default() });
        state.apply(&Command { request_id: RequestId::default(), time_ms: n, body });
    }
    let applied = Some(log_id(EntryId { term: 1, node: 1, index }));
    Image { state: Arc::new(state), applied, ..Image::default() }
}

fn open(disk: &MemoryDisk) -> (SnapshotDir, Option<Image>) {
    SnapshotDir::open(Arc::new(disk.clone()), Path::new("snap"), "test").expect("the directory opens")
}

#[test]
fn two_are_kept_and_the_newest_is_restored() {
    let disk = MemoryDisk::default();
    let (snapshots, none) = open(&disk);
    assert!(none.is_none() && snapshots.purgeable_index().is_none());
    for index in [10, 20, 30] {
        snapshots.save(&image(index)).unwrap();
    }
    assert_eq!(snapshots.purgeable_index(), Some(20));
    let (again, newest) = open(&disk.after_power_cut(|| false));
    let newest = newest.expect("there is a snapshot");
    assert_eq!(newest.applied_index(), 30);
    assert_eq!(newest.state.hash(), image(30).state.hash());
    assert_eq!(again.purgeable_index(), Some(20));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let disk = MemoryDisk::default();
    open(&disk).0.save(&image(12)).unwrap();
    let path = disk.paths().pop().expect("there is a file");
    let length = { crate::disk::Disk::open(&disk, &path).unwrap().length().unwrap() as usize };
    for offset in 0..length {
        let copy = disk.after_power_cut(|| true);
        copy.damage(&path, offset, |byte| *byte ^= 1 << (offset % 8));
        assert!(open(&copy).1.is_none(), "a flip at {offset} of {length} went unnoticed");
    }
}

#[test]
fn a_damaged_snapshot_falls_back_to_the_older_one() {
    let disk = MemoryDisk::default();
    let (snapshots, _) = open(&disk);
    snapshots.save(&image(10)).unwrap();
    snapshots.save(&image(20)).unwrap();
    let newest = disk.paths().into_iter().max().expect("there are files");
    disk.damage(&newest, 100, |byte| *byte ^= 1);
    assert_eq!(open(&disk).1.map(|image| image.applied_index()), Some(10));
}

#[test]
fn unfinished_files_are_removed() {
    let disk = MemoryDisk::default();
    let (snapshots, _) = open(&disk);
    snapshots.receive().unwrap().write(b"half").unwrap();
    drop(open(&disk));
    assert!(disk.paths().is_empty());
}

#[test]
fn a_snapshot_that_is_finished_late_is_not_the_newest() {
    let disk = MemoryDisk::default();
    let (snapshots, _) = open(&disk);
    snapshots.save(&image(30)).unwrap();
    snapshots.save(&image(10)).unwrap();
    let newest = snapshots.newest().and_then(|snapshot| snapshot.meta.last_log_id);
    assert_eq!(newest.map(|id| id.index), Some(30));
    assert_eq!(snapshots.purgeable_index(), Some(10));
}

#[test]
fn what_comes_from_a_peer_is_whole_or_refused() {
    let disk = MemoryDisk::default();
    let (snapshots, _) = open(&disk);
    snapshots.save(&image(12)).unwrap();
    let path = disk.paths().pop().expect("there is a file");
    let file = crate::disk::Disk::open(&disk, &path).unwrap();
    let mut whole = vec![0; file.length().unwrap() as usize];
    file.read_at(0, &mut whole).unwrap();
    let accept = |bytes: &[u8]| {
        let mut incoming = snapshots.receive().unwrap();
        incoming.write(bytes).unwrap();
        snapshots.accept(incoming, &image(12).meta())
    };
    for length in 0..whole.len() {
        assert!(accept(&whole[..length]).is_err(), "cut off at {length} of {}", whole.len());
    }
    for at in versions_of(&whole) {
        let mut other = whole.clone();
        other[at] ^= 1;
        sum_up(&mut other);
        assert!(accept(&other).is_err(), "a state that is not the one of its hash, by byte {at}");
    }
    let mut incoming = snapshots.receive().unwrap();
    incoming.write(&whole).unwrap();
    assert!(snapshots.accept(incoming, &image(11).meta()).is_err(), "another one was announced");
    assert_eq!(disk.paths(), std::slice::from_ref(&path), "nothing is left of what was refused");
    let received = accept(&whole).unwrap();
    snapshots.discard(&received);
    snapshots.discard(&received);
    assert_eq!(disk.paths(), [path]);
}

/// A downgrade leaves the newer program's files alone.
#[test]
fn a_snapshot_of_a_later_format_stops_the_start() {
    let disk = MemoryDisk::default();
    let (snapshots, _) = open(&disk);
    snapshots.save(&image(10)).unwrap();
    let mut later = snapshots.receive().unwrap();
    let place = br#"{"format":2,"what":"is not known yet"}"#;
    later.write(b"XBSNAP01").unwrap();
    later.write(&(place.len() as u32).to_le_bytes()).unwrap();
    later.write(&crc32c::crc32c(place).to_le_bytes()).unwrap();
    later.write(place).unwrap();
    let received = snapshots.received(later);
    Disk::rename(&disk, &received.path, Path::new("snap/00000000000000ff.snap")).unwrap();
    let refused = SnapshotDir::open(Arc::new(disk.clone()), Path::new("snap"), "test").err().expect("it is refused");
    assert!(
        matches!(&refused, StoreError::Io { source, .. } if source.to_string().contains("version 2")),
        "{refused:?}"
    );
    assert_eq!(disk.paths().len(), 2, "nothing is removed");
}

/// Where the frames of a file are: first byte of the head, and of what comes after the frame.
fn frames(file: &[u8]) -> Vec<(usize, usize)> {
    let mut frames = Vec::new();
    let mut at = 8;
    while at < file.len() {
        let length = u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        frames.push((at, at + 8 + length));
        at += 8 + length;
    }
    frames
}

/// The bytes of the third frame, which holds versions.
fn versions_of(file: &[u8]) -> std::ops::Range<usize> {
    let (head, end) = frames(file)[2];
    head + 8..end
}

/// Makes the checksums right.
fn sum_up(file: &mut [u8]) {
    for (head, end) in frames(file) {
        let sum = crc32c::crc32c(&file[head + 8..end]);
        file[head + 4..head + 8].copy_from_slice(&sum.to_le_bytes());
    }
}
