//! The last step of every write: one transaction that holds only if nothing it was worked out from has changed.

use std::collections::BTreeSet;

use bytes::Bytes;
use xebec_api::{Cause, Details, Kind, Object, Reason, Status};
use xebec_kv::{Compare, Op, OpResponse, Rejection, Txn};
use xebec_store::StoreError;

use super::{Registry, RequestContext};

/// Of keys that stay.
const NO_LEASE: u64 = 0;

/// A transaction in the making: what must hold, and what is then done.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Write {
    compares: Vec<Compare>,
    ops: Vec<Op>,
    /// Read back when a condition does not hold, to tell which.
    asked: Option<Bytes>,
    /// The object is on its way out, so the write is taken even when the disk is nearly full.
    freeing: bool,
}

/// How a transaction went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Committed {
    /// It is durable at this revision.
    At(u64),
    /// A condition did not hold; whether the object that was to be created is there.
    Lost {
        /// It is there.
        exists: bool,
    },
}

impl Write {
    /// Creates an object that is not there yet, and that goes with `lease`.
    pub(super) fn create(key: &Bytes, object: &Object, lease: u64) -> Write {
        let compares = vec![Compare::absent(key.clone())];
        Write { compares, ops: vec![put(key, object.bytes(), lease)], asked: Some(key.clone()), freeing: false }
    }

    /// Replaces an object that is still at `revision`; from then on it goes with `lease`.
    pub(super) fn replace(key: &Bytes, revision: u64, object: &Object, lease: u64) -> Write {
        let ops = vec![put(key, object.bytes(), lease)];
        let freeing = object.meta().deletion_timestamp.is_some();
        Write { compares: vec![unchanged(key, revision)], ops, asked: None, freeing }
    }

    /// Removes an object that is still at `revision`.
    pub(super) fn remove(key: &Bytes, revision: u64) -> Write {
        let ops = vec![Op::Delete { key: key.clone() }];
        Write { compares: vec![unchanged(key, revision)], ops, asked: None, freeing: true }
    }

    /// Replaces another object too, if it is still at `revision`.
    pub(super) fn also_replace(&mut self, key: &Bytes, revision: u64, object: &Object) {
        self.guard(key, revision);
        self.ops.push(put(key, object.bytes(), NO_LEASE));
    }

    /// Removes another key too, whether it is there or not.
    pub(super) fn also_delete(&mut self, key: Option<Bytes>) {
        self.ops.extend(key.map(|key| Op::Delete { key }));
    }

    /// Holds only if `key` is still at `revision`.
    pub(super) fn guard(&mut self, key: &Bytes, revision: u64) {
        self.compares.push(unchanged(key, revision));
    }

    /// Takes what the new object holds and the old one did not, and gives back the reverse.
    pub(super) fn reserve(&mut self, owner: &str, old: &BTreeSet<Bytes>, new: &BTreeSet<Bytes>) {
        for key in new.difference(old) {
            self.compares.push(Compare::absent(key.clone()));
            self.ops.push(put(key, &Bytes::copy_from_slice(owner.as_bytes()), NO_LEASE));
        }
        let released = old.difference(new).map(|key| Op::Delete { key: key.clone() });
        self.ops.extend(released);
    }

    fn into_txn(self) -> Txn {
        let failure = self.asked.into_iter().map(|key| Op::Get { key }).collect();
        Txn { compares: self.compares, success: self.ops, failure }
    }
}

fn put(key: &Bytes, value: &Bytes, lease: u64) -> Op {
    Op::Put { key: key.clone(), value: value.clone(), lease }
}

fn unchanged(key: &Bytes, revision: u64) -> Compare {
    Compare::unchanged(key.clone(), revision)
}

impl Registry {
    /// The lease that objects of this kind go with.
    pub(super) async fn lease(&self, cx: &RequestContext, kind: &Kind) -> Result<u64, Status> {
        match kind.stored().time_to_live {
            Some(ttl) => self.parts.store.shared_lease(ttl, cx.deadline).await.map_err(store_status),
            None => Ok(NO_LEASE),
        }
    }

    pub(super) async fn commit(&self, cx: &RequestContext, write: Write) -> Result<Committed, Status> {
        let (store, freeing) = (&self.parts.store, write.freeing);
        let outcome = match freeing {
            true => store.txn_freeing(write.into_txn(), cx.deadline).await,
            false => store.txn(write.into_txn(), cx.deadline).await,
        };
        let outcome = outcome.map_err(store_status)?;
        if outcome.succeeded {
            return Ok(Committed::At(outcome.revision));
        }
        let exists = matches!(outcome.responses.first(), Some(OpResponse::Get { current: Some(_) }));
        Ok(Committed::Lost { exists })
    }
}

/// The store's trouble in the words of the API.
pub(super) fn store_status(error: StoreError) -> Status {
    match error {
        StoreError::Timeout | StoreError::Rejected(Rejection::AnswerNotKept { .. }) => {
            Status::timeout("the store did not answer in time; a write may or may not have happened")
        }
        StoreError::TooLarge { .. } => {
            Status::new(Reason::RequestEntityTooLarge, format!("the object is too large: {error}"))
        }
        StoreError::NoSpace => Status::new(Reason::InsufficientStorage, format!("nothing was written: {error}")),
        StoreError::Overloaded => Status::too_many_requests("the store is overloaded; try again", 1),
        StoreError::NotLeader { .. } | StoreError::NoQuorum => {
            Status::service_unavailable(format!("the store cannot be reached: {error}"))
        }
        StoreError::Stopped { .. } => {
            Status::service_unavailable(format!("{error}; a write may or may not have happened"))
        }
        StoreError::Rejected(rejection) => Status::internal(format!("the store refused the transaction: {rejection}")),
        other => Status::internal(format!("the store failed: {other}")),
    }
}

/// A client asks for a revision that this master does not have; clients know this answer by its cause.
pub(super) fn revision_too_large(wanted: u64, current: u64) -> Status {
    let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
    let cause = Cause {
        reason: "ResourceVersionTooLarge".into(),
        message: "Too large resource version".into(),
        field: String::new(),
    };
    Status::timeout(message).with_details(Details { causes: vec![cause], retry_after_seconds: 1, ..Details::default() })
}
