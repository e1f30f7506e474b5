//! Between the store's words and etcd's.

use bytes::Bytes;
use tonic::Status;
use xebec_store::kv::{self, KeyRange, Op, OpResponse, Operand, RangeRead, Relation};
use xebec_store::{Store, StoreError};

use crate::wire::{
    Compare, CompareResult, CompareValue, DeleteRangeRequest, DeleteRangeResponse, KeyValue, Operation, PutRequest,
    PutResponse, RangeResponse, RequestOp, ResponseHeader, ResponseOp, Returned,
};

pub(super) fn header(store: &Store, revision: u64) -> Option<ResponseHeader> {
    let leadership = *store.leadership().borrow();
    Some(ResponseHeader { cluster_id: 1, member_id: 0, revision: signed(revision), raft_term: leadership.term })
}

/// A negative number means nothing here.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// Revisions and counts stay far below the sign.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn key_value(kv: kv::KeyValue) -> KeyValue {
    KeyValue {
        key: kv.key,
        create_revision: signed(kv.create_revision),
        mod_revision: signed(kv.mod_revision),
        version: signed(kv.version),
        value: kv.value,
        lease: signed(kv.lease),
    }
}

pub(super) fn status(error: &StoreError) -> Status {
    let text = error.to_string();
    match error {
        StoreError::Overloaded | StoreError::NoSpace => Status::resource_exhausted(text),
        StoreError::TooLarge { .. } | StoreError::Rejected(_) => Status::invalid_argument(text),
        StoreError::Timeout => Status::deadline_exceeded(text),
        _ => Status::unavailable(text),
    }
}

/// The keys of a request: one, all from it on (the end is a zero byte), or those before the end.
pub(super) fn keys(key: Bytes, range_end: Bytes) -> KeyRange {
    match &range_end[..] {
        [] => KeyRange::key(&key),
        [0] => KeyRange::from(key),
        _ => KeyRange::between(key, range_end),
    }
}

/// A put, and before it a read where what was there is asked for.
pub(super) fn put(request: PutRequest) -> Vec<Op> {
    let before = request.prev_kv.then(|| Op::Get { key: request.key.clone() });
    let put = Op::Put { key: request.key, value: request.value, lease: unsigned(request.lease) };
    before.into_iter().chain([put]).collect()
}

/// A delete, and before it a read where what was there is asked for.
pub(super) fn delete(request: DeleteRangeRequest) -> Vec<Op> {
    let range = keys(request.key, request.range_end);
    let before = request.prev_kv.then(|| read(range.clone(), 0, 0));
    before.into_iter().chain([Op::DeleteRange { range }]).collect()
}

fn read(range: KeyRange, limit: u64, revision: u64) -> Op {
    Op::Range(RangeRead { range, limit, revision })
}

pub(super) fn compare(wire: Compare) -> Result<kv::Compare, Status> {
    let relation = match wire.result() {
        CompareResult::Equal => Relation::Equal,
        CompareResult::Greater => Relation::Greater,
        CompareResult::Less => Relation::Less,
        CompareResult::NotEqual => Relation::NotEqual,
    };
    let operand = match wire.value {
        Some(CompareValue::Version(version)) => Operand::Version(unsigned(version)),
        Some(CompareValue::CreateRevision(revision)) => Operand::CreateRevision(unsigned(revision)),
        Some(CompareValue::ModRevision(revision)) => Operand::ModRevision(unsigned(revision)),
        Some(CompareValue::Lease(lease)) => Operand::Lease(unsigned(lease)),
        Some(CompareValue::Value(value)) => Operand::Value(value),
        None => return Err(Status::invalid_argument("compare: nothing to compare with")),
    };
    Ok(kv::Compare::new(wire.key, relation, operand))
}

/// One of a transaction's operations: what was there before is not told there.
pub(super) fn operation(wire: RequestOp) -> Result<Op, Status> {
    match wire.operation {
        Some(Operation::Put(PutRequest { prev_kv: true, .. }))
        | Some(Operation::DeleteRange(DeleteRangeRequest { prev_kv: true, .. })) => {
            Err(Status::invalid_argument("prev_kv: a transaction reads by operations of their own"))
        }
        Some(Operation::Put(request)) => {
            Ok(Op::Put { key: request.key, value: request.value, lease: unsigned(request.lease) })
        }
        Some(Operation::DeleteRange(request)) => Ok(Op::DeleteRange { range: keys(request.key, request.range_end) }),
        Some(Operation::Range(request)) => {
            let (limit, revision) = (unsigned(request.limit), unsigned(request.revision));
            Ok(read(keys(request.key, request.range_end), limit, revision))
        }
        None => Err(Status::invalid_argument("an operation that does nothing")),
    }
}

pub(super) fn returned(response: OpResponse) -> Result<ResponseOp, Status> {
    let returned = match response {
        OpResponse::Put => Returned::Put(PutResponse::default()),
        OpResponse::Deleted { count } => {
            Returned::DeleteRange(DeleteRangeResponse { deleted: signed(count), ..DeleteRangeResponse::default() })
        }
        OpResponse::Get { current } => Returned::Range(found(current, false)),
        OpResponse::Range { items, more } => Returned::Range(found(items, more)),
        OpResponse::Txn { .. } => return Err(Status::internal("an answer to a transaction that was not asked for")),
    };
    Ok(ResponseOp { returned: Some(returned) })
}

fn found(items: impl IntoIterator<Item = kv::KeyValue>, more: bool) -> RangeResponse {
    let kvs: Vec<KeyValue> = items.into_iter().map(key_value).collect();
    RangeResponse { header: None, count: kvs.len() as i64, kvs, more }
}
