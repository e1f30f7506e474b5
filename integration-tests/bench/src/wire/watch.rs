//! Watches: one stream may carry several, told apart by their ids.

use bytes::Bytes;
use prost::{Enumeration, Message, Oneof};

use super::{KeyValue, ResponseHeader};

/// What a watcher says.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct WatchRequest {
    /// See [`WatchCommand`].
    #[prost(oneof = "WatchCommand", tags = "1")]
    pub command: Option<WatchCommand>,
}

/// What a watcher wants.
#[derive(Clone, PartialEq, Eq, Oneof)]
pub enum WatchCommand {
    /// A watch.
    #[prost(message, tag = "1")]
    Create(WatchCreate),
}

/// Begins a watch.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct WatchCreate {
    /// The first key.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// Before which key to stop; empty: the one key.
    #[prost(bytes = "bytes", tag = "2")]
    pub range_end: Bytes,
    /// The first revision wanted; 0: what happens from the watch's creation on.
    #[prost(int64, tag = "3")]
    pub start_revision: i64,
    /// Whether events carry what was there before.
    #[prost(bool, tag = "6")]
    pub prev_kv: bool,
}

/// What a watcher hears.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct WatchResponse {
    /// See [`ResponseHeader`].
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// Of which watch.
    #[prost(int64, tag = "2")]
    pub watch_id: i64,
    /// The watch has begun.
    #[prost(bool, tag = "3")]
    pub created: bool,
    /// The watch has ended.
    #[prost(bool, tag = "4")]
    pub canceled: bool,
    /// Why it ended, when not 0: history before this revision is gone.
    #[prost(int64, tag = "5")]
    pub compact_revision: i64,
    /// Why it ended, in words.
    #[prost(string, tag = "6")]
    pub cancel_reason: String,
    /// What happened.
    #[prost(message, repeated, tag = "11")]
    pub events: Vec<Event>,
}

/// What happens to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum EventKind {
    /// It is written.
    Put = 0,
    /// It is deleted.
    Delete = 1,
}

/// A change of one key.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Event {
    /// See [`EventKind`].
    #[prost(enumeration = "EventKind", tag = "1")]
    pub kind: i32,
    /// The key as it is now; of a deleted one, its name and the revision.
    #[prost(message, optional, tag = "2")]
    pub kv: Option<KeyValue>,
    /// The key as it was, if asked for.
    #[prost(message, optional, tag = "3")]
    pub prev_kv: Option<KeyValue>,
}
