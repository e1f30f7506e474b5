//! Kinds that come and go: what a change of a CustomResourceDefinition does to the shelves.
//!
//! A kind whose definition changes gets a new shelf with the objects of the old one, in the form that they have now; readers of
//! the old one are expired, as their view of the kind is outdated. All of it happens behind the gate.

use std::sync::Arc;

use xebec_api::kinds::CUSTOM_RESOURCE_DEFINITION;
use xebec_api::{Catalogue, Kind};
use xebec_kv::State;

use super::{Cache, CacheEvent, Entry, Objects, Served, Shelf, revived};
use crate::registry::Stored;

/// Takes in a definition that was created, changed or removed.
pub(super) fn take_in(cache: &Cache, event: &CacheEvent) {
    let Some(stored) = event.current.as_deref().or(event.previous.as_deref()).map(Entry::stored) else { return };
    let name = &stored.object.meta().name;
    let served = cache.served.load();
    let before = served.catalogue.defined_by(name);
    let mut catalogue = (*served.catalogue).clone();
    match event.current() {
        Some(stored) => define(&mut catalogue, stored),
        None => catalogue.forget(name),
    }
    let after = catalogue.defined_by(name);
    let mut next = Served { catalogue: Arc::new(catalogue), shelves: served.shelves.clone() };
    let same = before.zip(after).is_some_and(|(before, after)| std::ptr::eq(before, after));
    let old = before.filter(|_| !same).and_then(|kind| next.shelves.remove(&(kind.group, kind.plural)));
    if let Some(kind) = after.filter(|_| !same) {
        let objects = old.as_ref().map(|shelf| present(kind, shelf)).unwrap_or_default();
        next.shelves.insert((kind.group, kind.plural), shelf(kind, objects, event.revision));
    }
    cache.served.store(Arc::new(next));
    if let Some(old) = old {
        old.reset(Objects::new(), event.revision);
    }
}

/// Begins again with the definitions of a whole state. The shelves of custom kinds are new and empty.
pub(super) fn restore(cache: &Cache, state: &State) {
    let served = cache.served.load();
    let mut catalogue = Catalogue::default();
    for entry in cache.load(&CUSTOM_RESOURCE_DEFINITION, state).values() {
        define(&mut catalogue, entry.stored());
    }
    let mut shelves = served.shelves.clone();
    let old = served.catalogue.stored_custom().filter_map(|kind| shelves.remove(&(kind.group, kind.plural)));
    let gone: Vec<Arc<Shelf>> = old.collect();
    shelves.extend(catalogue.stored_custom().map(|kind| ((kind.group, kind.plural), Shelf::new(Some(kind)))));
    cache.served.store(Arc::new(Served { catalogue: Arc::new(catalogue), shelves }));
    gone.iter().for_each(|shelf| shelf.reset(Objects::new(), state.revision()));
}

fn define(catalogue: &mut Catalogue, stored: &Stored) {
    if let Err(error) = catalogue.define(&stored.object.to_value()) {
        let definition = &stored.object.meta().name;
        tracing::error!(%definition, %error, "a custom kind is not served");
    }
}

fn shelf(kind: &'static Kind, objects: Objects, revision: u64) -> Arc<Shelf> {
    let shelf = Shelf::new(Some(kind));
    shelf.history_mut().reset(objects, revision);
    shelf
}

/// The objects of a shelf, in the form that the kind gives them now.
fn present(kind: &Kind, shelf: &Shelf) -> Objects {
    let entry = |entry: &Arc<Entry>| {
        let Stored { object, revision } = entry.stored().clone();
        Arc::new(Entry::new(Stored { object: revived(kind, object), revision }))
    };
    shelf.history().objects().iter().map(|(key, old)| (key.clone(), entry(old))).collect()
}
