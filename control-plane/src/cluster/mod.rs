//! The gRPC service about the cluster itself: members, status, tokens.
//!
//! Any master answers. What only the leader can do or know is asked of the leader, as a master; a request that was forwarded
//! once is not forwarded again, so that two masters with different beliefs cannot play ball with it.

pub mod access;
mod changes;
mod export;
pub mod peers;
pub mod service;
pub mod usage;

use tonic::Status;
use xebec_store::StoreError;

/// How a caller is told that the store could not do it.
pub fn store_status(error: StoreError) -> Status {
    let message = error.to_string();
    match error {
        StoreError::NotLeader { .. } | StoreError::NoQuorum | StoreError::Stopped { .. } => {
            Status::unavailable(message)
        }
        StoreError::Timeout => Status::deadline_exceeded(message),
        StoreError::Overloaded | StoreError::NoSpace => Status::resource_exhausted(message),
        StoreError::MembershipBusy => Status::aborted(message),
        StoreError::LastMember => Status::failed_precondition(message),
        StoreError::UnknownMember { .. } => Status::not_found(message),
        StoreError::MemberConflict { .. } => Status::already_exists(message),
        StoreError::Rejected(rejection) => Status::internal(format!("the store refused: {rejection}")),
        _ => Status::internal(message),
    }
}
