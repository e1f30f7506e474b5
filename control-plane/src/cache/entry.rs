//! What the cache keeps of an object, and of a change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::Deserialize;
use xebec_api::{FieldSelector, Kind, LabelSelector};

use crate::authz::node::BoundSpec;
use crate::registry::Stored;

/// An object in the cache, with the fields that selectors may ask for once somebody has asked.
#[derive(Debug)]
pub struct Entry {
    stored: Stored,
    fields: OnceLock<BTreeMap<&'static str, String>>,
    bound: OnceLock<Bound>,
}

/// Of a pod: the node that it is bound to, and what a node must know of it to run it.
#[derive(Debug, Default)]
pub struct Bound {
    /// The node; none while the pod waits for one.
    pub node: Option<String>,
    /// The objects of its namespace that it refers to: (plural, name). Empty while it waits.
    pub references: BTreeSet<(&'static str, String)>,
}

/// As much of a pod as is decoded for each of its changes.
#[derive(Default, Deserialize)]
#[serde(default)]
struct OfPod {
    spec: BoundSpec,
}

impl Entry {
    pub(crate) fn new(stored: Stored) -> Entry {
        Entry { stored, fields: OnceLock::new(), bound: OnceLock::new() }
    }

    /// The object and its revision.
    pub fn stored(&self) -> &Stored {
        &self.stored
    }

    /// Whether both selectors take this object.
    pub fn matches(&self, kind: &Kind, labels: &LabelSelector, fields: &FieldSelector) -> bool {
        labels.matches(&self.stored.object.meta().labels) && (fields.is_empty() || self.fields_match(kind, fields))
    }

    /// The name is at hand; only other fields want the whole object read.
    fn fields_match(&self, kind: &Kind, fields: &FieldSelector) -> bool {
        let named = fields.required("metadata.name");
        named.is_none_or(|name| name == self.stored.object.meta().name) && fields.matches(self.fields(kind))
    }

    /// Where the pod that this is an entry of is bound to; read once.
    pub fn bound(&self) -> &Bound {
        self.bound.get_or_init(|| {
            let spec = self.stored.object.decode::<OfPod>().unwrap_or_default().spec;
            match spec.node_name.as_ref().filter(|node| !node.is_empty()) {
                Some(node) => {
                    let references = spec.references(&self.stored.object.meta().name);
                    Bound { node: Some(node.clone()), references }
                }
                None => Bound::default(),
            }
        })
    }

    fn fields(&self, kind: &Kind) -> &BTreeMap<&'static str, String> {
        self.fields.get_or_init(|| kind.selectable_fields(&self.stored.object.to_value()))
    }

    pub(super) fn size(&self) -> usize {
        self.stored.object.bytes().len()
    }
}

/// One change of one object. Either side is absent when the object was created or removed.
#[derive(Clone)]
pub struct CacheEvent {
    /// The object's kind.
    pub kind: &'static Kind,
    /// The object's key in the store.
    pub key: Bytes,
    /// The object after the change.
    pub current: Option<Arc<Entry>>,
    /// The object before it.
    pub previous: Option<Arc<Entry>>,
    /// The revision of the change.
    pub revision: u64,
}

impl std::fmt::Debug for CacheEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let change = match (&self.previous, &self.current) {
            (None, _) => "added",
            (Some(_), Some(_)) => "modified",
            (Some(_), None) => "deleted",
        };
        write!(f, "{change} {} @{}", String::from_utf8_lossy(&self.key), self.revision)
    }
}

impl CacheEvent {
    /// The object after the change; absent when it was removed.
    pub fn current(&self) -> Option<&Stored> {
        self.current.as_deref().map(Entry::stored)
    }

    /// The object before the change; absent when it was created.
    pub fn previous(&self) -> Option<&Stored> {
        self.previous.as_deref().map(Entry::stored)
    }

    /// The object as this change made it.
    pub fn shown(&self) -> Option<Stored> {
        self.current().cloned()
    }

    /// The object as it was before this change took it away, at the revision of the change.
    pub fn left(&self) -> Option<Stored> {
        self.previous().map(|stored| Stored { object: stored.object.clone(), revision: self.revision })
    }

    /// What the change keeps in memory that nobody else does: the new object, or the one that was removed.
    pub(super) fn size(&self) -> usize {
        self.current.as_ref().or(self.previous.as_ref()).map_or(0, |entry| entry.size())
    }
}
