//! A thin client of etcd's protocol.
//!
//! It sits on `h2` alone and shares one thread with all others of its kind, so that the machine's time goes to the
//! server that is measured. One connection carries several clients.

mod connection;
mod frames;
mod watcher;

pub use connection::{CallError, Connection};
pub use watcher::Watcher;

use bytes::Bytes;

use crate::wire::{
    HashRequest, HashResponse, PutRequest, PutResponse, RangeRequest, RangeResponse, StatusRequest, StatusResponse,
    prefix_end,
};

impl Connection {
    /// Writes a key; gives the revision.
    pub async fn put(&self, key: Bytes, value: Bytes) -> Result<i64, CallError> {
        let request = PutRequest { key, value, ..PutRequest::default() };
        let answer: PutResponse = self.call("/etcdserverpb.KV/Put", &request).await?;
        Ok(answer.header.map_or(0, |header| header.revision))
    }

    /// Asks for keys.
    pub async fn range(&self, request: &RangeRequest) -> Result<RangeResponse, CallError> {
        self.call("/etcdserverpb.KV/Range", request).await
    }

    /// Counts the keys of a prefix, linearizably.
    pub async fn count(&self, prefix: &str) -> Result<i64, CallError> {
        let request = RangeRequest { count_only: true, ..prefix_request(prefix) };
        Ok(self.range(&request).await?.count)
    }

    /// Asks the member about itself.
    pub async fn status(&self) -> Result<StatusResponse, CallError> {
        self.call("/etcdserverpb.Maintenance/Status", &StatusRequest {}).await
    }

    /// The hash of the member's state.
    pub async fn hash(&self) -> Result<HashResponse, CallError> {
        self.call("/etcdserverpb.Maintenance/Hash", &HashRequest {}).await
    }
}

/// Asks for all keys of a prefix.
pub fn prefix_request(prefix: &str) -> RangeRequest {
    let range_end = prefix_end(prefix.as_bytes()).into();
    RangeRequest { key: Bytes::copy_from_slice(prefix.as_bytes()), range_end, ..RangeRequest::default() }
}
