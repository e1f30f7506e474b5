//! Outcomes as bytes: the answer that the leader gives to a forwarded proposal.

use bytes::Bytes;
use prost::{Message, Oneof};

use super::{WireError, owned};
use crate::model::{KeyValue, OpResponse, Outcome, Rejection, TxnOutcome};

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireOutcome {
    #[prost(oneof = "WireResult", tags = "1, 2, 3")]
    result: Option<WireResult>,
}

#[derive(Clone, PartialEq, Oneof)]
enum WireResult {
    #[prost(message, tag = "1")]
    Txn(WireTxnOutcome),
    #[prost(uint64, tag = "2")]
    Done(u64),
    #[prost(message, tag = "3")]
    Rejected(WireRejection),
}

#[derive(Clone, PartialEq, Message)]
struct WireTxnOutcome {
    #[prost(bool, tag = "1")]
    succeeded: bool,
    #[prost(uint64, tag = "2")]
    revision: u64,
    #[prost(message, repeated, tag = "3")]
    responses: Vec<WireResponse>,
}

#[derive(Clone, PartialEq, Message)]
struct WireResponse {
    #[prost(enumeration = "WireKind", tag = "1")]
    kind: i32,
    #[prost(message, optional, tag = "2")]
    key_value: Option<WireKeyValue>,
    #[prost(uint64, tag = "3")]
    deleted: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
enum WireKind {
    Unknown = 0,
    Put = 1,
    Delete = 2,
    DeletePrefix = 3,
    Get = 4,
}

#[derive(Clone, PartialEq, Message)]
struct WireKeyValue {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
    #[prost(uint64, tag = "3")]
    create_revision: u64,
    #[prost(uint64, tag = "4")]
    mod_revision: u64,
    #[prost(uint64, tag = "5")]
    version: u64,
    #[prost(uint64, tag = "6")]
    lease: u64,
}

#[derive(Clone, PartialEq, Message)]
struct WireRejection {
    #[prost(enumeration = "WireReason", tag = "1")]
    reason: i32,
    /// What the reason is about, in the order of its fields.
    #[prost(uint64, repeated, tag = "2")]
    numbers: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
enum WireReason {
    Malformed = 0,
    EmptyKey = 1,
    LeaseNotFound = 2,
    CompactOutOfRange = 3,
    Settled = 4,
}

/// Writes an outcome.
pub fn encode_outcome(outcome: &Outcome) -> Bytes {
    from_outcome(outcome).encode_to_vec().into()
}

/// Reads what [`encode_outcome`] wrote.
pub fn decode_outcome(bytes: &Bytes) -> Result<Outcome, WireError> {
    into_outcome(&WireOutcome::decode(bytes.clone())?)
}

pub(super) fn from_outcome(outcome: &Outcome) -> WireOutcome {
    let result = match outcome {
        Outcome::Txn(txn) => WireResult::Txn(WireTxnOutcome {
            succeeded: txn.succeeded,
            revision: txn.revision,
            responses: txn.responses.iter().map(from_response).collect(),
        }),
        Outcome::Done { revision } => WireResult::Done(*revision),
        Outcome::Rejected(rejection) => WireResult::Rejected(from_rejection(rejection)),
    };
    WireOutcome { result: Some(result) }
}

pub(super) fn into_outcome(wire: &WireOutcome) -> Result<Outcome, WireError> {
    Ok(match wire.result.as_ref().ok_or(WireError::Missing("result"))? {
        WireResult::Txn(txn) => Outcome::Txn(TxnOutcome {
            succeeded: txn.succeeded,
            revision: txn.revision,
            responses: txn.responses.iter().map(into_response).collect::<Result<_, _>>()?,
        }),
        WireResult::Done(revision) => Outcome::Done { revision: *revision },
        WireResult::Rejected(rejection) => Outcome::Rejected(into_rejection(rejection)),
    })
}

fn from_response(response: &OpResponse) -> WireResponse {
    let (kind, found, deleted) = match response {
        OpResponse::Put { previous } => (WireKind::Put, previous.as_ref(), 0),
        OpResponse::Delete { previous } => (WireKind::Delete, previous.as_ref(), 0),
        OpResponse::DeletePrefix { deleted } => (WireKind::DeletePrefix, None, *deleted),
        OpResponse::Get { current } => (WireKind::Get, current.as_ref(), 0),
    };
    WireResponse { kind: kind.into(), key_value: found.map(from_key_value), deleted }
}

fn into_response(wire: &WireResponse) -> Result<OpResponse, WireError> {
    let found = wire.key_value.as_ref().map(into_key_value);
    Ok(match wire.kind() {
        WireKind::Put => OpResponse::Put { previous: found },
        WireKind::Delete => OpResponse::Delete { previous: found },
        WireKind::DeletePrefix => OpResponse::DeletePrefix { deleted: wire.deleted },
        WireKind::Get => OpResponse::Get { current: found },
        WireKind::Unknown => return Err(WireError::Missing("kind of response")),
    })
}

fn from_key_value(kv: &KeyValue) -> WireKeyValue {
    WireKeyValue {
        key: kv.key.clone(),
        value: kv.value.clone(),
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        lease: kv.lease,
    }
}

fn into_key_value(wire: &WireKeyValue) -> KeyValue {
    KeyValue {
        key: owned(&wire.key),
        value: owned(&wire.value),
        create_revision: wire.create_revision,
        mod_revision: wire.mod_revision,
        version: wire.version,
        lease: wire.lease,
    }
}

fn from_rejection(rejection: &Rejection) -> WireRejection {
    let (reason, numbers) = match *rejection {
        Rejection::Malformed => (WireReason::Malformed, Vec::new()),
        Rejection::EmptyKey => (WireReason::EmptyKey, Vec::new()),
        Rejection::LeaseNotFound { id } => (WireReason::LeaseNotFound, vec![id]),
        Rejection::CompactOutOfRange { requested, oldest, current } => {
            (WireReason::CompactOutOfRange, vec![requested, oldest, current])
        }
        Rejection::Settled { session, sequence } => (WireReason::Settled, vec![session, sequence]),
    };
    WireRejection { reason: reason.into(), numbers }
}

fn into_rejection(wire: &WireRejection) -> Rejection {
    let number = |index: usize| wire.numbers.get(index).copied().unwrap_or_default();
    match wire.reason() {
        WireReason::Malformed => Rejection::Malformed,
        WireReason::EmptyKey => Rejection::EmptyKey,
        WireReason::LeaseNotFound => Rejection::LeaseNotFound { id: number(0) },
        WireReason::CompactOutOfRange => {
            Rejection::CompactOutOfRange { requested: number(0), oldest: number(1), current: number(2) }
        }
        WireReason::Settled => Rejection::Settled { session: number(0), sequence: number(1) },
    }
}
