//! Outcomes as bytes: the answer that the leader gives to a forwarded proposal.

use bytes::Bytes;
use prost::{Message, Oneof};

use super::{WireError, owned};
use crate::model::{HashMark, KeyValue, OpResponse, Outcome, TxnOutcome};
use crate::past::PastError;
use crate::rejection::Rejection;

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireOutcome {
    #[prost(oneof = "WireResult", tags = "1, 2, 3, 4, 5")]
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
    #[prost(uint64, tag = "4")]
    Compacted(u64),
    #[prost(message, tag = "5")]
    Hash(WireHash),
}

#[derive(Clone, Copy, PartialEq, Message)]
struct WireHash {
    #[prost(fixed64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "2")]
    revision: u64,
    #[prost(fixed64, tag = "3")]
    hash: u64,
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
    #[prost(oneof = "WireAnswer", tags = "1, 2, 3, 4, 5")]
    answer: Option<WireAnswer>,
}

#[derive(Clone, PartialEq, Oneof)]
enum WireAnswer {
    #[prost(message, tag = "1")]
    Put(WirePutDone),
    #[prost(uint64, tag = "2")]
    Deleted(u64),
    #[prost(message, tag = "3")]
    Get(WireFound),
    #[prost(message, tag = "4")]
    Range(WirePage),
    #[prost(message, tag = "5")]
    Txn(WireNested),
}

#[derive(Clone, Copy, PartialEq, Message)]
struct WirePutDone {}

#[derive(Clone, PartialEq, Message)]
struct WireFound {
    #[prost(message, optional, tag = "1")]
    current: Option<WireKeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct WirePage {
    #[prost(message, repeated, tag = "1")]
    items: Vec<WireKeyValue>,
    #[prost(bool, tag = "2")]
    more: bool,
}

#[derive(Clone, PartialEq, Message)]
struct WireNested {
    #[prost(bool, tag = "1")]
    succeeded: bool,
    #[prost(message, repeated, tag = "2")]
    responses: Vec<WireResponse>,
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
    AnswerNotKept = 5,
    Compacted = 6,
    Future = 7,
    AnswerTooLarge = 8,
    RangeTooLarge = 9,
    TooDeep = 10,
    LeaseFull = 11,
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
        Outcome::Compacted { oldest } => WireResult::Compacted(*oldest),
        Outcome::Hash(HashMark { id, revision, hash }) => {
            WireResult::Hash(WireHash { id: *id, revision: *revision, hash: *hash })
        }
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
        WireResult::Compacted(oldest) => Outcome::Compacted { oldest: *oldest },
        WireResult::Hash(WireHash { id, revision, hash }) => {
            Outcome::Hash(HashMark { id: *id, revision: *revision, hash: *hash })
        }
    })
}

fn from_response(response: &OpResponse) -> WireResponse {
    let answer = match response {
        OpResponse::Put => WireAnswer::Put(WirePutDone {}),
        OpResponse::Deleted { count } => WireAnswer::Deleted(*count),
        OpResponse::Get { current } => WireAnswer::Get(WireFound { current: current.as_ref().map(from_key_value) }),
        OpResponse::Range { items, more } => {
            WireAnswer::Range(WirePage { items: items.iter().map(from_key_value).collect(), more: *more })
        }
        OpResponse::Txn { succeeded, responses } => WireAnswer::Txn(WireNested {
            succeeded: *succeeded,
            responses: responses.iter().map(from_response).collect(),
        }),
    };
    WireResponse { answer: Some(answer) }
}

fn into_response(wire: &WireResponse) -> Result<OpResponse, WireError> {
    Ok(match wire.answer.as_ref().ok_or(WireError::Missing("answer"))? {
        WireAnswer::Put(WirePutDone {}) => OpResponse::Put,
        WireAnswer::Deleted(count) => OpResponse::Deleted { count: *count },
        WireAnswer::Get(found) => OpResponse::Get { current: found.current.as_ref().map(into_key_value) },
        WireAnswer::Range(page) => {
            OpResponse::Range { items: page.items.iter().map(into_key_value).collect(), more: page.more }
        }
        WireAnswer::Txn(nested) => OpResponse::Txn {
            succeeded: nested.succeeded,
            responses: nested.responses.iter().map(into_response).collect::<Result<_, _>>()?,
        },
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
        Rejection::AnswerNotKept { session, sequence } => (WireReason::AnswerNotKept, vec![session, sequence]),
        Rejection::Past(PastError::Compacted { requested, oldest }) => (WireReason::Compacted, vec![requested, oldest]),
        Rejection::Past(PastError::Future { requested, current }) => (WireReason::Future, vec![requested, current]),
        Rejection::AnswerTooLarge { size, limit } => (WireReason::AnswerTooLarge, vec![size, limit]),
        Rejection::RangeTooLarge { limit } => (WireReason::RangeTooLarge, vec![limit]),
        Rejection::TooDeep { depth, limit } => (WireReason::TooDeep, vec![depth, limit]),
        Rejection::LeaseFull { id, limit } => (WireReason::LeaseFull, vec![id, limit]),
    };
    WireRejection { reason: reason.into(), numbers }
}

fn into_rejection(wire: &WireRejection) -> Rejection {
    let number = |index: usize| wire.numbers.get(index).copied().unwrap_or_default();
    let (first, second) = (number(0), number(1));
    match wire.reason() {
        WireReason::Malformed => Rejection::Malformed,
        WireReason::EmptyKey => Rejection::EmptyKey,
        WireReason::LeaseNotFound => Rejection::LeaseNotFound { id: first },
        WireReason::CompactOutOfRange => {
            Rejection::CompactOutOfRange { requested: first, oldest: second, current: number(2) }
        }
        WireReason::Settled => Rejection::Settled { session: first, sequence: second },
        WireReason::AnswerNotKept => Rejection::AnswerNotKept { session: first, sequence: second },
        WireReason::Compacted => PastError::Compacted { requested: first, oldest: second }.into(),
        WireReason::Future => PastError::Future { requested: first, current: second }.into(),
        WireReason::AnswerTooLarge => Rejection::AnswerTooLarge { size: first, limit: second },
        WireReason::RangeTooLarge => Rejection::RangeTooLarge { limit: first },
        WireReason::TooDeep => Rejection::TooDeep { depth: first, limit: second },
        WireReason::LeaseFull => Rejection::LeaseFull { id: first, limit: second },
    }
}
