//! Reads and writes.

use std::time::Duration;

use tokio::time::Instant;
use tonic::{Request, Response, Status};
use xebec_store::Store;
use xebec_store::kv::{Op, Txn};

use super::convert::{header, status, unsigned};
use super::ranges;
use crate::wire::services::k_v_server::KV;
use crate::wire::{PutRequest, PutResponse, RangeRequest, RangeResponse};

/// etcd's own patience with a request is 7 s.
const PATIENCE: Duration = Duration::from_secs(7);

/// The KV service of a member.
pub(super) struct KvService {
    store: Store,
}

impl KvService {
    pub(super) fn new(store: Store) -> KvService {
        KvService { store }
    }
}

#[tonic::async_trait]
impl KV for KvService {
    async fn range(&self, request: Request<RangeRequest>) -> Result<Response<RangeResponse>, Status> {
        let request = request.into_inner();
        if !request.serializable {
            let current = self.store.read_barrier(Instant::now() + PATIENCE).await;
            current.map_err(|error| status(&error))?;
        }
        ranges::answer(&self.store, &self.store.state(), request).map(Response::new)
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        let PutRequest { key, value, lease } = request.into_inner();
        let txn = Txn { success: vec![Op::Put { key, value, lease: unsigned(lease) }], ..Txn::default() };
        let outcome = self.store.txn(txn, Instant::now() + PATIENCE).await.map_err(|error| status(&error))?;
        Ok(Response::new(PutResponse { header: header(&self.store, outcome.revision) }))
    }
}
