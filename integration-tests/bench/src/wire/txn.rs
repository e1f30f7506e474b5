//! Transactions, not nested.

use bytes::Bytes;
use prost::{Enumeration, Message, Oneof};

use super::{
    DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse, RangeRequest, RangeResponse, ResponseHeader,
};

/// How a comparison compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum CompareResult {
    /// The same.
    Equal = 0,
    /// More.
    Greater = 1,
    /// Less.
    Less = 2,
    /// Another.
    NotEqual = 3,
}

/// What a comparison looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum CompareTarget {
    /// Writes since the key was created.
    Version = 0,
    /// The revision that created it.
    Create = 1,
    /// The revision that wrote it last.
    Mod = 2,
    /// The value.
    Value = 3,
    /// The lease.
    Lease = 4,
}

/// One comparison.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Compare {
    /// See [`CompareResult`].
    #[prost(enumeration = "CompareResult", tag = "1")]
    pub result: i32,
    /// See [`CompareTarget`].
    #[prost(enumeration = "CompareTarget", tag = "2")]
    pub target: i32,
    /// The key.
    #[prost(bytes = "bytes", tag = "3")]
    pub key: Bytes,
    /// What to compare with.
    #[prost(oneof = "CompareValue", tags = "4, 5, 6, 7, 8")]
    pub value: Option<CompareValue>,
}

/// What a comparison compares with.
#[derive(Clone, PartialEq, Eq, Oneof)]
pub enum CompareValue {
    /// See [`CompareTarget::Version`].
    #[prost(int64, tag = "4")]
    Version(i64),
    /// See [`CompareTarget::Create`].
    #[prost(int64, tag = "5")]
    CreateRevision(i64),
    /// See [`CompareTarget::Mod`].
    #[prost(int64, tag = "6")]
    ModRevision(i64),
    /// See [`CompareTarget::Value`].
    #[prost(bytes = "bytes", tag = "7")]
    Value(Bytes),
    /// See [`CompareTarget::Lease`].
    #[prost(int64, tag = "8")]
    Lease(i64),
}

/// One operation.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct RequestOp {
    /// Which.
    #[prost(oneof = "Operation", tags = "1, 2, 3")]
    pub operation: Option<Operation>,
}

/// What an operation does.
#[derive(Clone, PartialEq, Eq, Oneof)]
pub enum Operation {
    /// Reads.
    #[prost(message, tag = "1")]
    Range(RangeRequest),
    /// Writes.
    #[prost(message, tag = "2")]
    Put(PutRequest),
    /// Deletes.
    #[prost(message, tag = "3")]
    DeleteRange(DeleteRangeRequest),
}

/// One operation's answer.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct ResponseOp {
    /// Which.
    #[prost(oneof = "Returned", tags = "1, 2, 3")]
    pub returned: Option<Returned>,
}

/// What an operation answers.
#[derive(Clone, PartialEq, Eq, Oneof)]
pub enum Returned {
    /// See [`Operation::Range`].
    #[prost(message, tag = "1")]
    Range(RangeResponse),
    /// See [`Operation::Put`].
    #[prost(message, tag = "2")]
    Put(PutResponse),
    /// See [`Operation::DeleteRange`].
    #[prost(message, tag = "3")]
    DeleteRange(DeleteRangeResponse),
}

/// If all comparisons hold, these operations, else those.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct TxnRequest {
    /// All must hold.
    #[prost(message, repeated, tag = "1")]
    pub compare: Vec<Compare>,
    /// If they do.
    #[prost(message, repeated, tag = "2")]
    pub success: Vec<RequestOp>,
    /// If not.
    #[prost(message, repeated, tag = "3")]
    pub failure: Vec<RequestOp>,
}

/// What a transaction did.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct TxnResponse {
    /// See [`ResponseHeader`].
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// Whether all comparisons held.
    #[prost(bool, tag = "2")]
    pub succeeded: bool,
    /// One for each operation.
    #[prost(message, repeated, tag = "3")]
    pub responses: Vec<ResponseOp>,
}
