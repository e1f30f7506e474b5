//! What can go wrong at the store's boundary.

use std::path::PathBuf;

use xebec_kv::Rejection;

/// Why the store could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// This member does not lead, and the operation is the leader's alone. Nothing was done.
    #[error("not the leader (the leader is {})", leader.map_or("unknown".to_owned(), |id| format!("member {id}")))]
    NotLeader {
        /// Who leads, if known.
        leader: Option<u64>,
    },
    /// No majority of the members can be reached. Nothing was done.
    #[error("no majority of the members is reachable; nothing was done")]
    NoQuorum,
    /// The deadline passed. A write may or may not have happened, or happen yet.
    #[error("timed out, the outcome is unknown")]
    Timeout,
    /// More than the store takes. Nothing was done.
    #[error("{what} is {size}, more than the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// Too many proposals are under way. Nothing was done; try again later.
    #[error("too many requests are under way")]
    Overloaded,
    /// The disk of the leader is nearly full. Nothing was done.
    #[error("the leader's disk is nearly full: only reads and deletes are taken until there is space again")]
    NoSpace,
    /// The command was applied and did nothing; but [`Rejection::AnswerNotKept`] says that it did before.
    #[error("refused")]
    Rejected(#[from] Rejection),
    /// The cluster has been initialized, or this member belongs to one.
    #[error("the store is initialized already")]
    AlreadyInitialized,
    /// No such member.
    #[error("there is no member {id}")]
    UnknownMember {
        /// The id asked for.
        id: u64,
    },
    /// A member with this id has another address: ids and disks are not exchanged.
    #[error("member {id} exists with the peer address {address}")]
    MemberConflict {
        /// The id asked for.
        id: u64,
        /// The address it has.
        address: String,
    },
    /// A cluster keeps at least one member.
    #[error("the last member cannot be removed")]
    LastMember,
    /// Another membership change is under way.
    #[error("another membership change is under way")]
    MembershipBusy,
    /// The data directory is of another cluster or another member.
    #[error("the data directory {} belongs to {found}, not to {expected}", path.display())]
    WrongDisk {
        /// The directory.
        path: PathBuf,
        /// Whom it belongs to.
        found: String,
        /// Who we are.
        expected: String,
    },
    /// A directory that was used before is empty.
    #[error(
        "{} is empty, but member {node_id} has used it: it has forgotten what it acknowledged, and must join with a new id",
        path.display()
    )]
    Emptied {
        /// The directory.
        path: PathBuf,
        /// Who we were.
        node_id: u64,
    },
    /// What was read from disk is damaged; this member must be rebuilt from the others.
    #[error("{} is damaged: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk refused.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// The consensus engine has stopped. A write that was under way may or may not have happened.
    #[error("the store has stopped: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
}
