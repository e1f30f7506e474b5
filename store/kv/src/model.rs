//! What goes into the machine and what comes out of it.

use bytes::Bytes;

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

/// A condition on one key, judged on the state before the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compare {
    /// The key does not exist.
    Absent {
        /// The key asked about.
        key: Bytes,
    },
    /// The key exists.
    Exists {
        /// The key asked about.
        key: Bytes,
    },
    /// The key exists and was last put at this revision. Revision 0 means absence.
    ModRevision {
        /// The key asked about.
        key: Bytes,
        /// The revision wanted.
        revision: Revision,
    },
    /// The key exists with this version. Version 0 means absence.
    Version {
        /// The key asked about.
        key: Bytes,
        /// The version wanted.
        version: u64,
    },
    /// The key exists with this value.
    Value {
        /// The key asked about.
        key: Bytes,
        /// The value wanted.
        value: Bytes,
    },
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
    /// Removes every key that starts so.
    DeletePrefix {
        /// The common start.
        prefix: Bytes,
    },
    /// Reads the key.
    Get {
        /// The key to read.
        key: Bytes,
    },
}

/// What one [`Op`] answered, in the order of the operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpResponse {
    /// The value that was replaced, if there was one.
    Put {
        /// The key before.
        previous: Option<KeyValue>,
    },
    /// The value that was removed, if there was one.
    Delete {
        /// The key before.
        previous: Option<KeyValue>,
    },
    /// How many keys were removed.
    DeletePrefix {
        /// The count.
        deleted: u64,
    },
    /// What was found.
    Get {
        /// The key as this transaction sees it.
        current: Option<KeyValue>,
    },
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
    /// Forgets what happened before this revision.
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
    /// Nothing was done, on every replica alike.
    Rejected(Rejection),
}

/// Why a committed command did nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A key is empty.
    #[error("a key must not be empty")]
    EmptyKey,
    /// A put or a renewal names a lease that is not there.
    #[error("lease {id} does not exist")]
    LeaseNotFound {
        /// The lease named.
        id: u64,
    },
    /// A compaction reaches into the future, or asks for what is already forgotten.
    #[error("cannot compact to revision {requested}: kept are {oldest} to {current}")]
    CompactOutOfRange {
        /// What was asked for.
        requested: Revision,
        /// The oldest revision kept.
        oldest: Revision,
        /// The newest revision.
        current: Revision,
    },
    /// A late copy of a request that its proposer no longer waits for.
    #[error("request {sequence} of session {session:x} was settled before")]
    Settled {
        /// The proposer.
        session: u64,
        /// The request's number.
        sequence: u64,
    },
    /// The command could not be decoded.
    #[error("the command is not understood")]
    Malformed,
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
