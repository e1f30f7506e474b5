//! How many objects of a kind there are in each namespace, so that a page of a list can say how many follow without
//! walking over them.

use std::sync::Arc;

use imbl::OrdMap;

use super::Objects;
use crate::registry::keys;

/// Numbers of objects by namespace. A clone costs nothing and does not change any more.
#[derive(Clone, Default)]
pub(super) struct Population {
    by_namespace: OrdMap<Arc<str>, u64>,
}

impl Population {
    /// Counts all of them.
    pub(super) fn of(objects: &Objects) -> Population {
        let mut population = Population::default();
        objects.keys().for_each(|key| population.add(key));
        population
    }

    pub(super) fn add(&mut self, key: &[u8]) {
        let Some(namespace) = namespace(key) else { return };
        let count = self.by_namespace.get(namespace).copied().unwrap_or_default();
        self.by_namespace.insert(namespace.into(), count + 1);
    }

    pub(super) fn remove(&mut self, key: &[u8]) {
        let Some(namespace) = namespace(key) else { return };
        match self.by_namespace.get(namespace).copied().unwrap_or_default() {
            0 | 1 => drop(self.by_namespace.remove(namespace)),
            count => drop(self.by_namespace.insert(namespace.into(), count - 1)),
        }
    }

    pub(super) fn in_namespace(&self, namespace: &str) -> u64 {
        self.by_namespace.get(namespace).copied().unwrap_or_default()
    }
}

fn namespace(key: &[u8]) -> Option<&str> {
    keys::parse(key)?.namespace
}
