//! What sled holds is found again, whatever interrupted the last save.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use xebec_kv::{Body, Command, Op, RequestId, State, Txn};

use super::{SledBackend, StateBackend};
use crate::error::StoreError;
use crate::raft::Image;
use crate::raft::codec::log_id;
use crate::wal::EntryId;

fn put(state: &mut State, n: u64) {
    let value = Bytes::from(vec![n as u8; 20 + (n as usize % 5) * 3_000]);
    let op = Op::Put { key: Bytes::from(format!("/registry/core/pods/{}", n % 11)), value, lease: 0 };
    let body = Body::Txn(Txn { success: vec![op], ..Txn::default() });
    state.apply(&Command { request_id: RequestId { session: 9, sequence: n, settled_below: n }, time_ms: n, body });
}

fn compact(state: &mut State, revision: u64) {
    let body = Body::Compact { revision };
    state.apply(&Command { request_id: RequestId::default(), time_ms: 0, body });
}

fn image(state: &State, index: u64) -> Image {
    let applied = Some(log_id(EntryId { term: 1, node: 1, index }));
    Image { state: Arc::new(state.clone()), applied, ..Image::default() }
}

fn load(dir: &Path) -> (SledBackend, Option<Image>) {
    let mut backend = SledBackend::new(dir);
    let image = backend.load().expect("the directory is usable");
    (backend, image)
}

#[test]
fn each_checkpoint_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::default();
    let mut held = Image::default();
    for round in 0..12 {
        let (mut backend, found) = load(dir.path());
        assert_eq!(found.map_or(State::default().hash(), |found| found.state.hash()), held.state.hash());
        for step in 0..2 {
            (0..15).for_each(|n| put(&mut state, round * 30 + step * 15 + n));
            if round % 3 == 2 {
                let recent = state.revision() - 5;
                compact(&mut state, recent);
            }
            let now = image(&state, round * 2 + step);
            backend.save(&held, &now).unwrap();
            held = now;
        }
    }
    let blobs = std::fs::read_dir(dir.path().join("blobs")).unwrap().count();
    assert_eq!(blobs, 0, "values must stay where we sync them");
}

/// A save that adds versions but does not reach its meta leaves the state before it.
#[test]
fn an_interrupted_save_leaves_the_state_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::default();
    (0..40).for_each(|n| put(&mut state, n));
    let (mut backend, _) = load(dir.path());
    let held = image(&state, 40);
    backend.save(&Image::default(), &held).unwrap();
    (40..60).for_each(|n| put(&mut state, n));
    compact(&mut state, 50);
    backend.add_versions_only(&held, &image(&state, 60)).unwrap();
    drop(backend);
    let found = load(dir.path()).1.expect("the earlier state is there");
    assert_eq!(found.state.hash(), held.state.hash());
    assert_eq!(found.applied_index(), 40);
}

#[test]
fn damage_discards_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::default();
    (0..40).for_each(|n| put(&mut state, n));
    let (mut backend, _) = load(dir.path());
    backend.save(&Image::default(), &image(&state, 40)).unwrap();
    drop(backend);
    let path = dir.path().join("db");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 8;
    bytes[middle..middle + 4_000].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    if let Some(found) = load(dir.path()).1 {
        assert_eq!(found.state.hash(), state.hash(), "damage may miss what counts, but must not change it");
    }
    assert!(load(dir.path()).1.is_none_or(|found| found.state.hash() == state.hash()));
}

/// What a checkpoint could not remove before the process ended is removed by a later one.
#[test]
fn what_a_crash_leaves_is_removed_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::default();
    (0..40).for_each(|n| put(&mut state, n));
    let (mut backend, _) = load(dir.path());
    let first = image(&state, 40);
    backend.save(&Image::default(), &first).unwrap();
    compact(&mut state, 41);
    let second = image(&state, 41);
    backend.save(&first, &second).unwrap();
    (40..50).for_each(|n| put(&mut state, n));
    backend.add_versions_only(&second, &image(&state, 51)).unwrap();
    assert_eq!(backend.rows(), 50, "29 are not needed any more, 10 not yet");
    drop(backend);
    let (mut backend, found) = load(dir.path());
    let found = found.expect("the second is there");
    assert_eq!((found.state.hash(), found.state.versions()), (second.state.hash(), 11));
    compact(&mut state, 51);
    let third = image(&state, 52);
    backend.save(&found, &third).unwrap();
    assert_eq!(backend.rows(), 21, "what the crash left is gone");
    put(&mut state, 50);
    let fourth = image(&state, 53);
    backend.save(&third, &fourth).unwrap();
    assert_eq!(backend.rows() as u64, fourth.state.versions(), "nothing superfluous stays");
    drop(backend);
    assert_eq!(load(dir.path()).1.map(|found| found.state.hash()), Some(state.hash()));
}

/// A downgrade, and a system that refuses, leave the database as it is.
#[test]
fn what_is_not_damage_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::default();
    put(&mut state, 1);
    let (mut backend, _) = load(dir.path());
    backend.save(&Image::default(), &image(&state, 1)).unwrap();
    backend.write_newer_meta();
    drop(backend);
    let refused = SledBackend::new(dir.path()).load().unwrap_err();
    assert!(
        matches!(&refused, StoreError::Io { source, .. } if source.to_string().contains("of version 2")),
        "{refused:?}"
    );
    assert!(dir.path().join("db").exists());
}

/// The sessions' outcomes are in each checkpoint, once a second: they take their own size, and not four times that.
#[test]
fn the_header_is_written_as_bytes() {
    let mut state = State::default();
    (1..=500).for_each(|sequence| {
        let op = Op::Put { key: Bytes::from_static(b"/k"), value: Bytes::new(), lease: 0 };
        let body = Body::Txn(Txn { success: vec![op], ..Txn::default() });
        state.apply(&Command { request_id: RequestId { session: 9, sequence, settled_below: 0 }, time_ms: 1, body });
    });
    let dir = tempfile::tempdir().unwrap();
    let (mut backend, _) = load(dir.path());
    backend.save(&Image::default(), &image(&state, 500)).unwrap();
    let header = xebec_kv::wire::encode_header(&state.header()).len();
    let meta = backend.meta_bytes();
    assert!(meta < header + 1_000, "{meta} bytes for a header of {header}");
}

#[test]
fn a_database_that_takes_far_more_than_it_holds_is_begun_anew() {
    let cases = [(0, 0, false), (16 << 20, 1000, false), ((16 << 20) + 1, 1000, true), (30 << 20, 10 << 20, false)];
    for (occupied, held, expect) in cases {
        assert_eq!(super::is_bloated(occupied, held), expect, "{occupied} {held}");
    }
    assert!(super::is_bloated(31 << 20, 10 << 20));
}

#[test]
fn the_longer_a_checkpoint_takes_the_longer_the_next_one_waits() {
    let rest = |took| super::rest(Duration::from_millis(took), Duration::from_secs(1)).as_millis();
    assert_eq!([0, 20, 200, 5_000].map(rest), [1_000, 1_000, 3_800, 20_000]);
}
