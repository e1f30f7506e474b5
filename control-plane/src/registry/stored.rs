//! What the registry hands out: objects together with the revision that last changed them.

use bytes::Bytes;
use xebec_api::{Details, Kind, Object};

/// An object and its resource version.
#[derive(Clone)]
pub struct Stored {
    /// The object; its bytes carry no resource version.
    pub object: Object,
    /// The revision of its last change.
    pub revision: u64,
}

impl Stored {
    /// The canonical JSON, `metadata.resourceVersion` included unless the object is not stored.
    pub fn to_json(&self) -> Bytes {
        if self.revision == 0 { self.object.bytes().clone() } else { self.object.with_revision(self.revision) }
    }

    /// The object as a tree, `metadata.resourceVersion` included.
    pub fn to_value(&self) -> serde_json::Value {
        let mut value = self.object.to_value();
        if let Some(metadata) = value.get_mut("metadata").and_then(|m| m.as_object_mut()) {
            metadata.insert("resourceVersion".into(), self.revision.to_string().into());
        }
        value
    }

    /// The object as `kind` serves it, which may be in another version than the store has it in. Where a webhook converts, it stays
    /// as it is.
    #[must_use]
    pub fn seen_as(self, kind: &Kind) -> Stored {
        if kind.kept_as.is_none() || kind.conversion_webhook().is_some() {
            return self;
        }
        let mut value = self.object.to_value();
        kind.read_stored(&mut value);
        let object = Object::from_value(value).expect("a version of an object is an object");
        Stored { object, revision: self.revision }
    }

    /// The Status that says that something was done to this object of this kind.
    pub fn success(&self, kind: &Kind) -> serde_json::Value {
        let meta = self.object.meta();
        xebec_api::status::success(&Details {
            name: meta.name.clone(),
            group: kind.group.to_owned(),
            kind: kind.plural.to_owned(),
            uid: meta.uid.clone(),
            ..Details::default()
        })
    }
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let meta = self.object.meta();
        let namespace = meta.namespace.as_deref().unwrap_or("-");
        write!(f, "{} {namespace}/{} @{}", meta.kind, meta.name, self.revision)
    }
}

/// One page of a list; every page of one listing shows the same revision.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The objects, in the order of their keys.
    pub items: Vec<Stored>,
    /// The revision of the whole listing. A watch from here misses nothing.
    pub revision: u64,
    /// Present when there is more.
    pub continue_token: Option<String>,
    /// How many objects follow; unknown when selectors filter.
    pub remaining: Option<u64>,
}

/// What a delete did.
#[derive(Debug, Clone)]
pub enum Deleted {
    /// The object is gone; this is its last state.
    Removed(Stored),
    /// The object is marked and goes once its finalizers or its grace period are done.
    Terminating(Stored),
}

impl Deleted {
    /// The object as the delete left it.
    pub fn stored(&self) -> &Stored {
        match self {
            Deleted::Removed(stored) | Deleted::Terminating(stored) => stored,
        }
    }
}
