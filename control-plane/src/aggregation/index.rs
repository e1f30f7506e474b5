//! Which groups and versions servers in the cluster serve, and in what order all are shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::local;
use super::remote::Remote;

/// A group and a version.
pub(super) type GroupVersion = (String, String);

/// An APIService, as paths and discovery need it.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) group_priority: i64,
    pub(super) version_priority: i64,
    /// Absent: the masters serve it.
    pub(super) remote: Option<Arc<Remote>>,
}

pub(super) type Index = BTreeMap<GroupVersion, Entry>;

/// Tells which APIs are aggregated. A clone is another handle to the same one.
#[derive(Clone, Default)]
pub struct Aggregator {
    index: Arc<ArcSwap<Index>>,
}

impl Aggregator {
    pub(super) fn publish(&self, index: Index) {
        self.index.store(Arc::new(index));
    }

    /// The server of a group's version, if it is not the masters.
    pub fn find(&self, group: &str, version: &str) -> Option<Arc<Remote>> {
        let index = self.index.load();
        if index.is_empty() {
            return None;
        }
        index.get(&(group.to_owned(), version.to_owned()))?.remote.clone()
    }

    /// All groups and versions that servers serve.
    pub fn remotes(&self) -> Vec<Arc<Remote>> {
        self.index.load().values().filter_map(|entry| entry.remote.clone()).collect()
    }

    /// How early a group is shown: as its APIServices say, the highest of them.
    pub fn group_priority(&self, group: &str) -> i64 {
        let index = self.index.load();
        let own = index.iter().filter(|((known, _), _)| known == group).map(|(_, entry)| entry.group_priority);
        own.max().unwrap_or_else(|| local::group_priority(group))
    }

    /// How early a version is shown within its group.
    pub fn version_priority(&self, group: &str, version: &str) -> i64 {
        let index = self.index.load();
        let own = index.get(&(group.to_owned(), version.to_owned()));
        own.map_or_else(|| local::version_priority(group, version), |entry| entry.version_priority)
    }
}
