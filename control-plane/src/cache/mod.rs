//! The watch cache: every object of the cluster, by kind, and the newest changes of each kind.
//!
//! The store calls it synchronously as it applies, on every master, before a write is acknowledged; so whoever has seen
//! a write's answer from this master, or waited for the store's read barrier, finds it here. Readers never touch the
//! store: a list is a clone of a persistent map, a watch a cursor over a ring of changes that all watchers of the kind
//! share.
//!
//! ```text
//!  store ── applied(events) ──► Shelf (one a kind): objects + ring ──► Subscription (cursor) ──► watches, hub
//!                          └──► the ring of all kinds ──► Subscription over everything ──► the runtime
//! ```
//!
//! A batch of changes is taken in behind a gate, and its revision is published before the gate opens; who clones a
//! state goes through the gate too, so that a state is complete at the revision published at that moment. Readers of
//! the rings need no gate.

mod by_node;
mod definitions;
mod entry;
mod history;
mod population;
mod snapshot;
mod subscription;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;
use xebec_api::{Catalogue, Kind, Object};
use xebec_kv::{Event, KeyValue, State};
use xebec_store::ApplyObserver;

use crate::registry::{Stored, keys};
use by_node::PodsByNode;
use history::{Change, History};
use population::Population;

pub use entry::{Bound, CacheEvent, Entry};
pub use history::Objects;
pub use snapshot::Snapshot;
pub use subscription::Subscription;

/// The changes asked for are not kept any more: list again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the requested changes are gone; the oldest kept follow revision {oldest}")]
pub struct Expired {
    /// The ring is complete after this revision.
    pub oldest: u64,
}

/// How much history each kind keeps. Beyond either bound the oldest changes go, and the readers that still wanted them
/// are expired.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Changes.
    pub events: usize,
    /// Bytes of objects in these changes.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { events: 8_192, bytes: 16 << 20 }
    }
}

type ShelfKey = (&'static str, &'static str);

/// The kinds of a moment, and a shelf for each that is stored.
#[derive(Clone)]
struct Served {
    catalogue: Arc<Catalogue>,
    shelves: BTreeMap<ShelfKey, Arc<Shelf>>,
}

/// The watch cache.
pub struct Cache {
    served: ArcSwap<Served>,
    all: Arc<Shelf>,
    pods_by_node: RwLock<PodsByNode>,
    gate: RwLock<()>,
    revision: watch::Sender<u64>,
    limits: Limits,
}

/// One kind's history behind its lock, which nobody holds for longer than it takes to copy a pointer or to take in one
/// change.
struct Shelf {
    kind: Option<&'static Kind>,
    history: RwLock<History>,
    wake: watch::Sender<u64>,
}

impl Shelf {
    fn new(kind: Option<&'static Kind>) -> Arc<Shelf> {
        Arc::new(Shelf { kind, history: RwLock::default(), wake: watch::Sender::new(0) })
    }

    fn history(&self) -> RwLockReadGuard<'_, History> {
        self.history.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn history_mut(&self) -> RwLockWriteGuard<'_, History> {
        self.history.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn reset(&self, objects: Objects, revision: u64) {
        self.history_mut().reset(objects, revision);
        self.wake_readers();
    }

    fn wake_readers(&self) {
        self.wake.send_modify(|turn| *turn = turn.wrapping_add(1));
    }
}

impl Cache {
    /// An empty cache of all kinds that are stored.
    pub fn new(limits: Limits) -> Arc<Cache> {
        let catalogue = Arc::new(Catalogue::default());
        let shelf = |kind: &'static Kind| ((kind.group, kind.plural), Shelf::new(Some(kind)));
        let shelves = catalogue.kept().map(shelf).collect();
        let served = ArcSwap::from_pointee(Served { catalogue, shelves });
        let (all, gate, revision) = (Shelf::new(None), RwLock::new(()), watch::Sender::new(0));
        Arc::new(Cache { served, all, pods_by_node: RwLock::default(), gate, revision, limits })
    }

    /// The kinds that there are now.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.served.load().catalogue.clone()
    }

    /// The newest revision that every kind has taken in.
    pub fn revision(&self) -> u64 {
        *self.revision.borrow()
    }

    /// Follows [`Cache::revision`].
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Waits until the cache is at least at `revision`; false when the deadline comes first.
    pub async fn wait_revision(&self, revision: u64, deadline: Instant) -> bool {
        let mut published = self.revision.subscribe();
        let reached = published.wait_for(|now| *now >= revision);
        matches!(tokio::time::timeout_at(deadline, reached).await, Ok(Ok(_)))
    }

    /// Waits until something is so, which is asked now and after every change; for ever, if it never is.
    pub async fn wait_until(&self, is_so: impl Fn() -> bool) {
        let mut revisions = self.revisions();
        while !is_so() && revisions.changed().await.is_ok() {}
    }

    /// One object.
    pub fn get(&self, kind: &Kind, namespace: Option<&str>, name: &str) -> Option<Stored> {
        let key = keys::object(kind, namespace, name);
        self.entry(kind, &key).map(|entry| entry.stored().clone())
    }

    /// One entry by its key.
    pub fn entry(&self, kind: &Kind, key: &[u8]) -> Option<Arc<Entry>> {
        let shelf = self.shelf(kind)?;
        let history = shelf.history();
        history.objects().get(key).cloned()
    }

    /// All objects of a kind, or of one namespace of it, in the order of their keys.
    pub fn list(&self, kind: &Kind, namespace: Option<&str>) -> Vec<Stored> {
        self.snapshot(kind).stored(&keys::prefix(kind, namespace))
    }

    /// The whole state of a kind, at no cost.
    pub fn snapshot(&self, kind: &Kind) -> Snapshot {
        let _gate = self.read_gate();
        let revision = self.revision();
        let snapshot = self.shelf(kind).map(|shelf| shelf.history().snapshot(revision));
        snapshot.unwrap_or_else(|| Snapshot::new(Objects::new(), Population::default(), revision))
    }

    /// The revision of a kind's newest change: its state is the same at every later revision.
    pub fn kind_revision(&self, kind: &Kind) -> u64 {
        self.shelf(kind).map_or(0, |shelf| shelf.history().newest())
    }

    /// The pods bound to a node.
    pub fn pods_on_node(&self, node: &str) -> Vec<Stored> {
        self.pods_by_node.read().unwrap_or_else(PoisonError::into_inner).on(node)
    }

    /// Whether a pod that is bound to the node refers to an object of the core group.
    pub fn node_refers(&self, node: &str, plural: &'static str, namespace: &str, name: &str) -> bool {
        let index = self.pods_by_node.read().unwrap_or_else(PoisonError::into_inner);
        index.refers(node, plural, namespace, name)
    }

    fn pods_by_node_mut(&self) -> RwLockWriteGuard<'_, PodsByNode> {
        self.pods_by_node.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows a kind, or one namespace of it: after `from`, or with the present state first.
    pub fn subscribe(
        self: &Arc<Self>,
        kind: &Kind,
        namespace: Option<&str>,
        from: Option<u64>,
    ) -> Result<Subscription, Expired> {
        // Behind the gate: a shelf that has just been replaced would never be heard of again.
        let gate = self.read_gate();
        let shelf = self.shelf(kind).ok_or(Expired { oldest: 0 })?;
        self.follow(&gate, &shelf, keys::prefix(kind, namespace), from)
    }

    /// Follows all kinds at once, in the order in which the changes happened: after `from`, or with the present state
    /// first.
    pub fn subscribe_all(self: &Arc<Self>, from: Option<u64>) -> Result<Subscription, Expired> {
        self.follow(&self.read_gate(), &self.all, keys::all(), from)
    }

    fn read_gate(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(
        self: &Arc<Self>,
        _gate: &RwLockReadGuard<'_, ()>,
        shelf: &Arc<Shelf>,
        prefix: Bytes,
        from: Option<u64>,
    ) -> Result<Subscription, Expired> {
        let history = shelf.history();
        let (next, initial) = match from {
            Some(revision) => (history.seek(revision)?, Vec::new()),
            None => (history.next_number(), self.states(shelf, &history)),
        };
        let revision = from.unwrap_or_else(|| self.revision());
        let reader = subscription::Reader { cache: self.clone(), shelf: shelf.clone(), prefix };
        Ok(Subscription::new(reader, next, initial, revision))
    }

    /// The states that a subscription to this shelf begins with. The gate is held.
    fn states(&self, shelf: &Shelf, history: &History) -> Vec<Snapshot> {
        let revision = self.revision();
        if shelf.kind.is_some() {
            return vec![history.snapshot(revision)];
        }
        // Definitions come first, so that who reads the states in order knows every kind it comes to.
        let served = self.served.load();
        let (first, rest): (Vec<_>, Vec<_>) =
            served.shelves.values().partition(|shelf| shelf.kind.is_some_and(is_definitions));
        first.into_iter().chain(rest).map(|shelf| shelf.history().snapshot(revision)).collect()
    }

    fn shelf(&self, kind: &Kind) -> Option<Arc<Shelf>> {
        let kind = kind.stored();
        self.served.load().shelves.get(&(kind.group, kind.plural)).cloned()
    }

    /// The shelf that a key of the store belongs to, if it is an object of a kind we know.
    fn shelf_of(&self, key: &[u8]) -> Option<Arc<Shelf>> {
        let parsed = keys::parse(key)?;
        self.served.load().shelves.get(&(parsed.group, parsed.plural)).cloned()
    }

    fn take_in(&self, event: &Event) {
        let Some(shelf) = self.shelf_of(&event.key) else { return };
        let Some(kind) = shelf.kind else { return };
        let current = match event.current.as_ref().map(|pair| decode(kind, pair)).transpose() {
            Ok(current) => current,
            Err(error) => return report_undecodable(&event.key, &error),
        };
        let change = Change { kind, key: event.key.clone(), current, revision: event.revision };
        let recorded = shelf.history_mut().record(change, &self.limits);
        if is_pods(kind) {
            self.pods_by_node_mut().record(&recorded);
        }
        self.all.history_mut().append(recorded.clone(), &self.limits);
        shelf.wake_readers();
        if is_definitions(kind) {
            definitions::take_in(self, &recorded);
        }
    }

    fn load(&self, kind: &Kind, state: &State) -> Objects {
        let mut objects = Objects::new();
        for pair in state.range(&keys::prefix(kind, None), None) {
            match decode(kind, &pair) {
                Ok(entry) => drop(objects.insert(pair.key, entry)),
                Err(error) => report_undecodable(&pair.key, &error),
            }
        }
        objects
    }
}

impl Cache {
    /// Builds the index again from the whole state. The gate is held.
    fn index_pods(&self) {
        let mut index = self.pods_by_node_mut();
        index.clear();
        let served = self.served.load();
        let pods = served.shelves.values().filter(|shelf| shelf.kind.is_some_and(is_pods));
        for shelf in pods {
            shelf.history().objects().iter().for_each(|(key, entry)| index.add(key, entry));
        }
    }
}

fn is_definitions(kind: &Kind) -> bool {
    *kind == xebec_api::kinds::CUSTOM_RESOURCE_DEFINITION
}

/// The object in the form that its kind gives it now, which for custom kinds may have changed since it was written.
pub(crate) fn revived(kind: &Kind, object: Object) -> Object {
    let Some(value) = kind.revive(&object) else { return object };
    Object::from_value(value).unwrap_or(object)
}

fn is_pods(kind: &Kind) -> bool {
    kind.group.is_empty() && kind.plural == "pods"
}

impl ApplyObserver for Cache {
    fn restored(&self, state: &State) {
        let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        definitions::restore(self, state);
        for shelf in self.served.load().shelves.values() {
            let objects = shelf.kind.map(|kind| self.load(kind, state));
            shelf.reset(objects.unwrap_or_default(), state.revision());
        }
        self.index_pods();
        self.all.reset(Objects::new(), state.revision());
        self.revision.send_replace(state.revision());
    }

    /// The state may be ahead of these events, by those of the same batch that are yet to come; what counts is what has been
    /// taken in.
    fn applied(&self, _: &State, events: &[Event]) {
        let Some(newest) = events.iter().map(|event| event.revision).max() else { return };
        let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            self.take_in(event);
        }
        self.revision.send_replace(newest);
        self.all.wake_readers();
    }
}

fn decode(kind: &Kind, pair: &KeyValue) -> Result<Arc<Entry>, xebec_api::ObjectError> {
    let object = revived(kind, Object::from_stored(pair.value.clone())?);
    Ok(Arc::new(Entry::new(Stored { object, revision: pair.mod_revision })))
}

/// Only a defect of ours writes such bytes; the object stays as it was, and the log says which.
fn report_undecodable(key: &[u8], error: &xebec_api::ObjectError) {
    let key = String::from_utf8_lossy(key);
    tracing::error!(%key, error = error as &dyn std::error::Error, "the store holds an object that cannot be decoded");
}

#[cfg(test)]
mod tests;
