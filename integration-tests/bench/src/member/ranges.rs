//! Reads of one key or many.

use tonic::Status;
use xebec_store::Store;
use xebec_store::kv::{PastError, Range, State};

use super::convert::{header, key_value, keys, signed, unsigned};
use crate::wire::{KeyValue, RangeRequest, RangeResponse};

/// Answers from a state.
pub(super) fn answer(store: &Store, state: &State, request: RangeRequest) -> Result<RangeResponse, Status> {
    let response = if request.range_end.is_empty() { one(state, &request)? } else { many(state, request)? };
    Ok(RangeResponse { header: header(store, state.revision()), ..response })
}

fn one(state: &State, request: &RangeRequest) -> Result<RangeResponse, Status> {
    let found = match unsigned(request.revision) {
        0 => state.get(&request.key),
        revision => state.get_at(&request.key, revision).map_err(past)?,
    };
    let kvs: Vec<KeyValue> = found.map(key_value).into_iter().collect();
    Ok(RangeResponse { header: None, count: kvs.len() as i64, kvs, more: false })
}

fn many(state: &State, request: RangeRequest) -> Result<RangeResponse, Status> {
    let (limit, count_only) = (unsigned(request.limit), request.count_only);
    let mut found = scan(state, request)?;
    if count_only {
        return Ok(RangeResponse { count: signed(found.count() as u64), ..RangeResponse::default() });
    }
    let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let kvs: Vec<KeyValue> = found.by_ref().take(limit).map(key_value).collect();
    let rest = found.count();
    Ok(RangeResponse { header: None, count: (kvs.len() + rest) as i64, kvs, more: rest > 0 })
}

fn scan(state: &State, request: RangeRequest) -> Result<Range<'_>, Status> {
    let range = keys(request.key, request.range_end);
    match unsigned(request.revision) {
        0 => Ok(state.scan(&range)),
        revision => state.scan_at(&range, revision).map_err(past),
    }
}

/// In etcd's words, which its clients look for.
fn past(error: PastError) -> Status {
    match error {
        PastError::Compacted { .. } => Status::out_of_range("etcdserver: mvcc: required revision has been compacted"),
        PastError::Future { .. } => Status::out_of_range("etcdserver: mvcc: required revision is a future revision"),
    }
}
