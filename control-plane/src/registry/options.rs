//! The options of the seven verbs, parsed once by the faces.

use std::time::Duration;

use serde_json::Value;
use xebec_api::patch::PatchKind;
use xebec_api::{FieldSelector, LabelSelector};

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// Everything acknowledged before the request came (linearizable).
    #[default]
    Latest,
    /// Whatever this master has applied.
    Any,
    /// At least this revision.
    NotOlderThan(u64),
    /// Exactly this revision.
    Exact(u64),
}

/// Which objects, and how many of them.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// By their labels.
    pub labels: LabelSelector,
    /// By the fields that the kind offers.
    pub fields: FieldSelector,
    /// At most so many; 0 means all.
    pub limit: usize,
    /// Where a former page ended.
    pub continue_token: Option<String>,
    /// How fresh.
    pub freshness: Freshness,
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WatchFrom {
    /// With the present state as added objects (linearizable), then changes.
    #[default]
    Latest,
    /// With what this master has as added objects, then changes.
    Any,
    /// With the changes after this revision.
    After(u64),
    /// With the state, at least as new as this revision when there is one, then the annotated bookmark that ends it,
    /// then changes.
    InitialEvents(Option<u64>),
}

/// Which changes.
#[derive(Clone, Debug, Default)]
pub struct WatchOptions {
    /// By labels.
    pub labels: LabelSelector,
    /// By the fields that the kind offers.
    pub fields: FieldSelector,
    /// Where it begins.
    pub from: WatchFrom,
    /// Whether to tell the reader how far it is when nothing happens.
    pub bookmarks: bool,
    /// The stream ends after this long; the server chooses when absent.
    pub timeout: Option<Duration>,
}

/// What to do about fields that the kind does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Refuse the request.
    #[default]
    Strict,
    /// Drop them, and say so.
    Warn,
    /// Drop them silently.
    Ignore,
}

/// How to write.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Do everything but store.
    pub dry_run: bool,
    /// Who writes, for field ownership.
    pub field_manager: String,
    /// About unknown fields.
    pub field_validation: FieldValidation,
}

/// A patch.
#[derive(Clone, Debug)]
pub struct Patch {
    /// Its dialect.
    pub kind: PatchKind,
    /// Its body.
    pub body: Value,
}

/// What happens to the objects that a deleted object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted afterwards.
    Background,
    /// They are deleted first.
    Foreground,
    /// They stay.
    Orphan,
}

/// What must hold for a delete to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// The object's uid.
    pub uid: Option<String>,
    /// The object's resource version.
    pub resource_version: Option<u64>,
}

/// How to delete.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Seconds to stop gracefully; absent: what the object says.
    pub grace_period_seconds: Option<i64>,
    /// What must hold.
    pub preconditions: Preconditions,
    /// About dependents; absent: the finalizers that are there decide, else background.
    pub propagation: Option<Propagation>,
    /// Do everything but delete.
    pub dry_run: bool,
}
