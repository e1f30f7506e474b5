//! Watches over states that change, compact and are replaced, each held against all that ever happened.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use xebec_kv::{Body, Command, Event, KeyRange, Op, RequestId, Revision, State, Txn};

use super::{Batch, Watch, WatchError, WatchOptions};
use crate::NoObserver;
use crate::raft::{Board, Happened, Image};

/// A member's state without a log: what is applied is published in batches.
struct World {
    board: Arc<Board>,
    state: State,
    pending: Happened,
    /// What every revision changed.
    history: BTreeMap<Revision, Vec<Event>>,
}

impl World {
    fn new(ring_bytes: u64) -> World {
        let clock = crate::clock::LeaderClock::new(Arc::new(crate::world::SystemClock));
        let board = Arc::new(Board::new(Image::default(), Arc::new(NoObserver), clock, ring_bytes));
        World { board, state: State::default(), pending: Happened::default(), history: BTreeMap::new() }
    }

    fn apply(&mut self, body: Body) {
        let applied = self.state.apply(&Command { request_id: RequestId::default(), time_ms: 0, body });
        if let Some(first) = applied.events.first() {
            self.history.insert(first.revision, applied.events.clone());
        }
        self.pending.batches.extend(Batch::of(applied.events));
    }

    fn put(&mut self, keys: &[&str]) {
        let op =
            |key: &&str| Op::Put { key: Bytes::copy_from_slice(key.as_bytes()), value: vec![0; 40].into(), lease: 0 };
        self.apply(Body::Txn(Txn { success: keys.iter().map(op).collect(), ..Txn::default() }));
    }

    fn image(&self) -> Image {
        Image { state: Arc::new(self.state.clone()), ..Image::default() }
    }

    fn publish(&mut self) {
        self.board.publish(self.image(), std::mem::take(&mut self.pending));
    }

    /// As when a snapshot comes from the leader.
    fn replace(&mut self) {
        self.pending = Happened::default();
        self.board.replace(self.image());
    }

    fn watch(&self, range: KeyRange, from: Revision) -> Result<Watch, WatchError> {
        let options = WatchOptions { previous: true, progress: Some(Duration::from_millis(20)) };
        Watch::new(self.board.clone(), range, from, options)
    }

    fn published(&self) -> Revision {
        self.board.image().state.revision()
    }
}

/// A watch, and what it must still show.
struct Reader {
    watch: Watch,
    range: KeyRange,
    next: Revision,
}

impl Reader {
    fn new(world: &World, range: KeyRange, from: Revision) -> Option<Reader> {
        match world.watch(range.clone(), from) {
            Ok(watch) => Some(Reader { watch, range, next: from.max(2) }),
            Err(error) => {
                check_cut(world, error, from.max(2));
                None
            }
        }
    }

    /// Reads so many batches at most; false: it was cut.
    fn read(&mut self, world: &World, most: usize) -> bool {
        for _ in 0..most {
            match self.watch.try_next() {
                Ok(Some(batch)) => self.check(world, batch.revision, &batch.events),
                Ok(None) => {
                    assert!(self.expected(world).is_none(), "nothing is held back");
                    assert_eq!(self.watch.progress(), world.published());
                    return true;
                }
                Err(error) => {
                    check_cut(world, error, self.watch.next);
                    assert!(self.next <= self.watch.next && self.expected_before(world, self.watch.next).is_none());
                    return false;
                }
            }
            assert!(self.watch.progress() >= 1 && self.watch.progress() <= world.published());
        }
        true
    }

    /// The next revision is the next that touches the range, and it is whole.
    fn check(&mut self, world: &World, revision: Revision, events: &[Event]) {
        let (expected, all) = self.expected(world).expect("nothing is made up");
        assert_eq!(revision, expected);
        assert_eq!(events, all);
        self.next = revision + 1;
    }

    fn expected(&self, world: &World) -> Option<(Revision, Vec<Event>)> {
        self.expected_before(world, world.published() + 1)
    }

    fn expected_before(&self, world: &World, end: Revision) -> Option<(Revision, Vec<Event>)> {
        let touching = |(revision, events): (&Revision, &Vec<Event>)| {
            let events: Vec<Event> = events.iter().filter(|event| self.range.contains(&event.key)).cloned().collect();
            (!events.is_empty()).then_some((*revision, events))
        };
        let end = end.max(self.next);
        world.history.range(self.next..end).find_map(touching)
    }
}

fn check_cut(world: &World, error: WatchError, wanted: Revision) {
    let resume_from = world.board.image().state.compact_revision() + 1;
    assert_eq!(error, WatchError::Compacted { requested: wanted, resume_from });
    assert!(wanted < resume_from, "only what is forgotten is refused");
}

#[derive(Clone, Debug)]
enum Act {
    Put(Vec<&'static str>),
    Delete(&'static str),
    Publish,
    Compact { back: u64 },
    Replace,
    Begin { reader: usize, back: u64, ahead: u64, prefix: &'static str },
    Read { reader: usize, most: usize },
}

fn act() -> impl Strategy<Value = Act> {
    let key = || prop::sample::select(vec!["/a/1", "/a/2", "/b/1", "/b/2"]);
    let prefix = prop::sample::select(vec!["", "/a", "/b/2", "/none"]);
    prop_oneof![
        8 => prop::collection::vec(key(), 1..4).prop_map(Act::Put),
        2 => key().prop_map(Act::Delete),
        5 => Just(Act::Publish),
        1 => (0_u64..12).prop_map(|back| Act::Compact { back }),
        1 => Just(Act::Replace),
        2 => (0_usize..3, 0_u64..20, 0_u64..3, prefix)
            .prop_map(|(reader, back, ahead, prefix)| Act::Begin { reader, back, ahead, prefix }),
        6 => (0_usize..3, 1_usize..6).prop_map(|(reader, most)| Act::Read { reader, most }),
    ]
}

fn act_out(world: &mut World, readers: &mut [Option<Reader>; 3], act: Act) {
    match act {
        Act::Put(keys) => world.put(&keys),
        Act::Delete(key) => {
            let op = Op::Delete { key: Bytes::from_static(key.as_bytes()) };
            world.apply(Body::Txn(Txn { success: vec![op], ..Txn::default() }));
        }
        Act::Publish => world.publish(),
        Act::Compact { back } => {
            let revision = world.state.revision().saturating_sub(back);
            world.apply(Body::Compact { revision });
        }
        Act::Replace => world.replace(),
        Act::Begin { reader, back, ahead, prefix } => {
            let from = (world.published() + ahead).saturating_sub(back).max(1);
            readers[reader] = Reader::new(world, KeyRange::prefix(prefix), from);
        }
        Act::Read { reader, most } => {
            let whole = readers[reader].as_mut().is_none_or(|reader| reader.read(world, most));
            if !whole {
                // Cut off, it begins anew where it was told to.
                let from = world.board.image().state.compact_revision() + 1;
                readers[reader] = Reader::new(world, KeyRange::all(), from);
                assert!(readers[reader].is_some(), "the revision to resume from is kept");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Ordered, once each, whole transactions, nothing left out, nothing made up; from any revision; over compaction, slow
    /// readers, a ring of two or three batches, and states that come as a whole.
    #[test]
    fn a_watch_shows_what_happened(acts in prop::collection::vec(act(), 1..80)) {
        let mut world = World::new(1_500);
        let mut readers = [None, None, None];
        for act in acts {
            act_out(&mut world, &mut readers, act);
        }
        world.publish();
        for reader in readers.iter_mut().flatten() {
            reader.read(&world, usize::MAX);
        }
    }
}

#[tokio::test]
async fn a_watch_waits_and_tells_how_far_it_is() {
    let mut world = World::new(1 << 20);
    let mut watch = world.watch(KeyRange::prefix("/a"), 0).unwrap();
    let progress = watch.next().await.unwrap();
    assert_eq!((progress.revision, progress.events.len()), (1, 0), "an empty store has revision 1");
    world.put(&["/b/1"]);
    world.publish();
    let progress = watch.next().await.unwrap();
    assert_eq!((progress.revision, progress.events.len()), (2, 0), "what does not concern it is progress too");
    let waiting = tokio::spawn(async move { watch.next().await.map(|batch| (batch, watch)) });
    tokio::task::yield_now().await;
    world.put(&["/a/1", "/a/2", "/b/1"]);
    world.publish();
    let (batch, _watch) = waiting.await.unwrap().unwrap();
    let batch =
        if batch.events.is_empty() { panic!("it was woken by what happened, not by its patience") } else { batch };
    assert_eq!(batch.revision, 3);
    assert_eq!(batch.events.iter().map(|event| &event.key[..]).collect::<Vec<_>>(), [b"/a/1", b"/a/2"]);
}

#[tokio::test]
async fn previous_values_come_when_they_are_wanted() {
    let mut world = World::new(1 << 20);
    world.put(&["/a/1"]);
    world.put(&["/a/1"]);
    world.publish();
    let mut with = world.watch(KeyRange::all(), 3).unwrap();
    assert_eq!(with.next().await.unwrap().events[0].previous.as_ref().unwrap().mod_revision, 2);
    let mut without = Watch::new(world.board.clone(), KeyRange::all(), 3, WatchOptions::default()).unwrap();
    assert_eq!(without.next().await.unwrap().events[0].previous, None);
}

#[tokio::test]
async fn the_future_is_waited_for() {
    let mut world = World::new(1 << 20);
    let mut watch = world.watch(KeyRange::all(), 4).unwrap();
    for _ in 0..3 {
        world.put(&["/a/1"]);
        world.publish();
        assert!(watch.progress() <= world.published());
    }
    assert_eq!(watch.next().await.unwrap().revision, 4);
}

#[tokio::test]
async fn a_store_that_stops_ends_its_watches() {
    let mut world = World::new(1 << 20);
    let mut watch = world.watch(KeyRange::all(), 0).unwrap();
    world.put(&["/a/1"]);
    world.publish();
    world.board.close();
    assert_eq!(watch.next().await.unwrap().revision, 2, "what happened before is still told");
    assert_eq!(watch.next().await, Err(WatchError::Stopped));
}

/// A member that nobody watches keeps no changes for it, and whoever comes late or comes back misses none.
#[test]
fn the_ring_is_filled_only_while_somebody_watches() {
    let mut world = World::new(1 << 20);
    let kept = |world: &World| world.board.feed().kept();
    let read =
        |watch: &mut Watch| std::iter::from_fn(|| watch.try_next().unwrap()).map(|batch| batch.revision).collect();
    let change = |world: &mut World| {
        (0..3).for_each(|_| world.put(&["/k"]));
        world.publish();
    };
    change(&mut world);
    assert_eq!(kept(&world), 0, "nobody watches");
    let mut watch = world.watch(KeyRange::all(), 2).unwrap();
    change(&mut world);
    assert_eq!(kept(&world), 3);
    let seen: Vec<Revision> = read(&mut watch);
    assert_eq!(seen, (2..=7).collect::<Vec<_>>());
    drop(watch);
    change(&mut world);
    assert_eq!(kept(&world), 0, "nobody watches any more");
    let mut back = world.watch(KeyRange::all(), 8).unwrap();
    change(&mut world);
    let seen: Vec<Revision> = read(&mut back);
    assert_eq!(seen, (8..=13).collect::<Vec<_>>());
}
