//! The state of a kind at one revision.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::population::Population;
use super::{Entry, Objects};
use crate::registry::Stored;

/// A kind's objects at one revision; changes after it do not touch it.
#[derive(Clone)]
pub struct Snapshot {
    objects: Objects,
    population: Population,
    revision: u64,
}

impl Snapshot {
    pub(super) fn new(objects: Objects, population: Population, revision: u64) -> Snapshot {
        Snapshot { objects, population, revision }
    }

    /// The revision of this state. A watch from here misses nothing.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many objects there are in a namespace, or in all.
    pub fn count(&self, namespace: Option<&str>) -> u64 {
        namespace.map_or(self.objects.len() as u64, |namespace| self.population.in_namespace(namespace))
    }

    /// The entries under `prefix`, in order, after the key `after` when there is one.
    pub fn range<'a>(
        &'a self,
        prefix: &'a Bytes,
        after: Option<Bytes>,
    ) -> impl Iterator<Item = (&'a Bytes, &'a Arc<Entry>)> {
        let start = after.map_or(Bound::Included(prefix.clone()), Bound::Excluded);
        self.objects.range((start, Bound::Unbounded)).take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// The objects under `prefix`.
    pub fn stored(&self, prefix: &Bytes) -> Vec<Stored> {
        self.range(prefix, None).map(|(_, entry)| entry.stored().clone()).collect()
    }
}
