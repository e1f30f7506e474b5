//! What goes into the machine and what comes out of it.

use bytes::Bytes;

use crate::compare::Compare;
use crate::keys::KeyRange;
use crate::rejection::Rejection;

/// A point in the history of the whole store: one more for each transaction that changed something.
pub type Revision = u64;

/// A key as it stands at some revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    /// The key.
    pub key: Bytes,
    /// What was last put.
    pub value: Bytes,
    /// The revision that created the key (anew, if it had been deleted).
    pub create_revision: Revision,
    /// The revision of the last put.
    pub mod_revision: Revision,
    /// Puts since the creation, which is 1.
    pub version: u64,
    /// The lease the key goes with; 0: none.
    pub lease: u64,
}

impl KeyValue {
    /// Bytes of key and value.
    pub fn bytes(&self) -> u64 {
        (self.key.len() + self.value.len()) as u64
    }
}

/// An atomic step: if all comparisons hold, `success` runs, else `failure`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Txn {
    /// All must hold.
    pub compares: Vec<Compare>,
    /// Runs when they do.
    pub success: Vec<Op>,
    /// Runs when they do not.
    pub failure: Vec<Op>,
}

/// A step within a transaction. Later steps see earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Creates the key or replaces its value.
    Put {
        /// The key to write.
        key: Bytes,
        /// Its new value.
        value: Bytes,
        /// The lease to go with; 0: none.
        lease: u64,
    },
    /// Removes the key, if it is there.
    Delete {
        /// The key to remove.
        key: Bytes,
    },
    /// Removes every key of a range.
    DeleteRange {
        /// The keys to remove.
        range: KeyRange,
    },
    /// Reads the key. Before a put or a delete of the same transaction, it reads what that is going to replace.
    Get {
        /// The key to read.
        key: Bytes,
    },
    /// Reads the keys of a range.
    Range(RangeRead),
    /// Runs a transaction within this one. Its comparisons too are judged on the state before the whole.
    Txn(Txn),
}

/// Which keys to read, how many, and as of when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeRead {
    /// The keys.
    pub range: KeyRange,
    /// How many are wanted; 0: all.
    pub limit: u64,
    /// As of which revision; 0: as the transaction sees them, with what its earlier steps have done.
    pub revision: Revision,
}

/// What one [`Op`] answered, in the order of the operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpResponse {
    /// The key was put.
    Put,
    /// Keys were removed.
    Deleted {
        /// How many.
        count: u64,
    },
    /// What was found.
    Get {
        /// The key as this transaction sees it.
        current: Option<KeyValue>,
    },
    /// What was found, in the order of the keys.
    Range {
        /// As many as were wanted.
        items: Vec<KeyValue>,
        /// Whether there are more.
        more: bool,
    },
    /// A nested transaction ran.
    Txn {
        /// Whether its comparisons held.
        succeeded: bool,
        /// One answer for each of its operations that ran.
        responses: Vec<OpResponse>,
    },
}

impl OpResponse {
    /// Bytes of keys and values in it.
    pub fn bytes(&self) -> u64 {
        match self {
            OpResponse::Put | OpResponse::Deleted { .. } => 0,
            OpResponse::Get { current } => current.as_ref().map_or(0, KeyValue::bytes),
            OpResponse::Range { items, .. } => items.iter().map(KeyValue::bytes).sum(),
            OpResponse::Txn { responses, .. } => responses.iter().map(OpResponse::bytes).sum(),
        }
    }
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnOutcome {
    /// Whether the comparisons held.
    pub succeeded: bool,
    /// The store's revision after it.
    pub revision: Revision,
    /// One answer for each operation that ran.
    pub responses: Vec<OpResponse>,
}

/// Names a proposal, so that proposing it twice applies it once.
///
/// A proposer (one process's life) is a session. It numbers its requests upwards and says below which number it waits
/// for none any more; that is how far the machine forgets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId {
    /// The proposer; 0: anonymous, applied each time it is seen.
    pub session: u64,
    /// The request's number within the session.
    pub sequence: u64,
    /// Every request of the session below this number is settled.
    pub settled_below: u64,
}

/// One entry of the replicated log, as the machine sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Makes retries harmless.
    pub request_id: RequestId,
    /// The leader's wall clock when it proposed, in milliseconds since 1970.
    pub time_ms: u64,
    /// What to do.
    pub body: Body,
}

/// What a [`Command`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Runs a transaction.
    Txn(Txn),
    /// Forgets what happened before this revision, or a part of it: as much as one command may, see [`Outcome::Compacted`].
    Compact {
        /// The oldest revision to stay readable.
        revision: Revision,
    },
    /// Creates a lease, or changes the time to live of an existing one.
    LeaseGrant {
        /// Chosen by the proposer, not 0.
        id: u64,
        /// How long it lives after each renewal.
        ttl_ms: u64,
    },
    /// Starts the lease's time to live again.
    LeaseRenew {
        /// The lease.
        id: u64,
    },
    /// Ends the lease and deletes its keys in one revision.
    LeaseRevoke {
        /// The lease.
        id: u64,
    },
    /// Changes nothing, and answers with the state hash at this point of the log, where all replicas have the same.
    HashCheck {
        /// Chosen by the proposer, so that each replica's answer is found again.
        id: u64,
    },
}

/// What a command answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A transaction ran.
    Txn(TxnOutcome),
    /// Anything else was done; the store's revision after it.
    Done {
        /// The store's revision.
        revision: Revision,
    },
    /// A compaction ran.
    Compacted {
        /// The oldest revision that is readable now. Before the one asked for: the step was as large as it may be, and wants
        /// to be proposed again.
        oldest: Revision,
    },
    /// A hash was asked for.
    Hash(HashMark),
    /// Nothing was done, on every replica alike.
    Rejected(Rejection),
}

/// The state hash at one point of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashMark {
    /// As in [`Body::HashCheck`].
    pub id: u64,
    /// The store's revision there.
    pub revision: Revision,
    /// See [`crate::State::hash`].
    pub hash: u64,
}

impl Outcome {
    /// Bytes of keys and values in it.
    pub fn bytes(&self) -> u64 {
        match self {
            Outcome::Txn(txn) => txn.responses.iter().map(OpResponse::bytes).sum(),
            _ => 0,
        }
    }
}

/// A key that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The key.
    pub key: Bytes,
    /// The key after the change; `None`: it was deleted.
    pub current: Option<KeyValue>,
    /// The key before the change; `None`: it is new.
    pub previous: Option<KeyValue>,
    /// When.
    pub revision: Revision,
}

/// What applying one command gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// For the proposer.
    pub outcome: Outcome,
    /// For the watchers: all of one revision, in key order, one for each changed key.
    pub events: Vec<Event>,
}
