//! Why a committed command did nothing: on all replicas alike, so its proposer is told by whichever answers.

use crate::model::Revision;
use crate::past::PastError;

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
    /// A request was applied before, and its answer was too large to be kept: its effects are there.
    #[error("request {sequence} of session {session:x} was done before, and its answer was too large to be kept")]
    AnswerNotKept {
        /// The proposer.
        session: u64,
        /// The request's number.
        sequence: u64,
    },
    /// A range reads the past or the future.
    #[error(transparent)]
    Past(#[from] PastError),
    /// What the transaction reads is too much for one answer.
    #[error("the transaction reads {size} bytes or more, the limit is {limit}: read in pages")]
    AnswerTooLarge {
        /// What it comes to, as far as it was read.
        size: u64,
        /// See [`crate::MAX_ANSWER_BYTES`].
        limit: u64,
    },
    /// The transaction's ranges hold too many keys.
    #[error("the ranges of the transaction hold more keys than the limit of {limit}: go in steps")]
    RangeTooLarge {
        /// See [`crate::MAX_RANGE_KEYS`].
        limit: u64,
    },
    /// Transactions within transactions within transactions.
    #[error("transactions are nested {depth} deep or more, the limit is {limit}")]
    TooDeep {
        /// How deep, as far as was looked.
        depth: u64,
        /// See [`crate::MAX_TXN_DEPTH`].
        limit: u64,
    },
    /// A lease has as many keys as may go in one revision.
    #[error("lease {id} has {limit} keys, which is the limit: use another one")]
    LeaseFull {
        /// The lease named.
        id: u64,
        /// See [`crate::MAX_LEASE_KEYS`].
        limit: u64,
    },
    /// The command could not be decoded.
    #[error("the command is not understood")]
    Malformed,
}
