//! Keys and values: range and put; and the status of a member.

use bytes::Bytes;
use prost::Message;

/// Stands in every answer.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct ResponseHeader {
    /// The cluster.
    #[prost(uint64, tag = "1")]
    pub cluster_id: u64,
    /// Who answered.
    #[prost(uint64, tag = "2")]
    pub member_id: u64,
    /// The store's revision.
    #[prost(int64, tag = "3")]
    pub revision: i64,
    /// The term of the consensus.
    #[prost(uint64, tag = "4")]
    pub raft_term: u64,
}

/// A key with its value.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct KeyValue {
    /// The key.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The revision that created it.
    #[prost(int64, tag = "2")]
    pub create_revision: i64,
    /// The revision that wrote it last.
    #[prost(int64, tag = "3")]
    pub mod_revision: i64,
    /// Writes since it was created.
    #[prost(int64, tag = "4")]
    pub version: i64,
    /// The value.
    #[prost(bytes = "bytes", tag = "5")]
    pub value: Bytes,
    /// Its lease; 0: none.
    #[prost(int64, tag = "6")]
    pub lease: i64,
}

/// Asks for keys.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct RangeRequest {
    /// The first key.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// Before which key to stop; empty: the one key.
    #[prost(bytes = "bytes", tag = "2")]
    pub range_end: Bytes,
    /// The most keys to return; 0: all.
    #[prost(int64, tag = "3")]
    pub limit: i64,
    /// As of which revision; 0: the newest.
    #[prost(int64, tag = "4")]
    pub revision: i64,
    /// The member may answer from what it has.
    #[prost(bool, tag = "7")]
    pub serializable: bool,
    /// Without values.
    #[prost(bool, tag = "8")]
    pub keys_only: bool,
    /// Without keys.
    #[prost(bool, tag = "9")]
    pub count_only: bool,
}

/// The keys found.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct RangeResponse {
    /// See [`ResponseHeader`].
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// In the keys' order.
    #[prost(message, repeated, tag = "2")]
    pub kvs: Vec<KeyValue>,
    /// The limit left some out.
    #[prost(bool, tag = "3")]
    pub more: bool,
    /// How many keys the range has.
    #[prost(int64, tag = "4")]
    pub count: i64,
}

/// Writes a key.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct PutRequest {
    /// The key.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The value.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
    /// The lease to go with; 0: none.
    #[prost(int64, tag = "3")]
    pub lease: i64,
}

/// The key is written.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct PutResponse {
    /// See [`ResponseHeader`].
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
}

/// Asks a member about itself.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct StatusRequest {}

/// A member about itself.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct StatusResponse {
    /// See [`ResponseHeader`].
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// Of the program.
    #[prost(string, tag = "2")]
    pub version: String,
    /// Bytes of the database.
    #[prost(int64, tag = "3")]
    pub db_size: i64,
    /// The leader's id; 0: unknown.
    #[prost(uint64, tag = "4")]
    pub leader: u64,
    /// The last entry of the log.
    #[prost(uint64, tag = "5")]
    pub raft_index: u64,
    /// The term of the consensus.
    #[prost(uint64, tag = "6")]
    pub raft_term: u64,
    /// The last entry applied.
    #[prost(uint64, tag = "7")]
    pub raft_applied_index: u64,
    /// It does not vote.
    #[prost(bool, tag = "10")]
    pub is_learner: bool,
}

/// Asks for a number that is the same on members with the same state.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct HashRequest {}

/// That number.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct HashResponse {
    /// See [`ResponseHeader`].
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The number.
    #[prost(uint32, tag = "2")]
    pub hash: u32,
}
