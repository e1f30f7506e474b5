//! Between the store's words and etcd's.

use bytes::Bytes;
use tonic::Status;
use xebec_store::kv::{self, KeyRange};
use xebec_store::{Store, StoreError};

use crate::wire::{KeyValue, ResponseHeader};

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
