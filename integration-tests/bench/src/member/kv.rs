//! Reads and writes.

use std::time::Duration;

use tokio::time::Instant;
use tonic::{Request, Response, Status};
use xebec_store::Store;
use xebec_store::kv::{Op, OpResponse, Txn, TxnOutcome};

use super::convert::{self, header, key_value, signed, status};
use super::ranges;
use crate::wire::services::k_v_server::KV;
use crate::wire::{
    CompactRequest, CompactResponse, DeleteRangeRequest, DeleteRangeResponse, KeyValue, PutRequest, PutResponse,
    RangeRequest, RangeResponse, ResponseHeader, TxnRequest, TxnResponse,
};

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

    async fn run(&self, txn: Txn) -> Result<TxnOutcome, Status> {
        self.store.txn(txn, Instant::now() + PATIENCE).await.map_err(|error| status(&error))
    }

    async fn run_all(&self, ops: Vec<Op>) -> Result<(Option<ResponseHeader>, Vec<OpResponse>), Status> {
        let outcome = self.run(Txn { success: ops, ..Txn::default() }).await?;
        Ok((header(&self.store, outcome.revision), outcome.responses))
    }
}

/// What was read before a change.
fn read(responses: Vec<OpResponse>) -> impl Iterator<Item = KeyValue> {
    let found = responses.into_iter().flat_map(|response| match response {
        OpResponse::Get { current } => current.into_iter().collect(),
        OpResponse::Range { items, .. } => items,
        _ => Vec::new(),
    });
    found.map(key_value)
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
        let (header, responses) = self.run_all(convert::put(request.into_inner())).await?;
        Ok(Response::new(PutResponse { header, prev_kv: read(responses).next() }))
    }

    async fn delete_range(
        &self,
        request: Request<DeleteRangeRequest>,
    ) -> Result<Response<DeleteRangeResponse>, Status> {
        let (header, responses) = self.run_all(convert::delete(request.into_inner())).await?;
        let counts = responses.iter().map(|response| match response {
            OpResponse::Deleted { count } => *count,
            _ => 0,
        });
        let deleted = signed(counts.sum());
        Ok(Response::new(DeleteRangeResponse { header, deleted, prev_kvs: read(responses).collect() }))
    }

    async fn txn(&self, request: Request<TxnRequest>) -> Result<Response<TxnResponse>, Status> {
        let TxnRequest { compare, success, failure } = request.into_inner();
        let txn = Txn {
            compares: compare.into_iter().map(convert::compare).collect::<Result<_, _>>()?,
            success: success.into_iter().map(convert::operation).collect::<Result<_, _>>()?,
            failure: failure.into_iter().map(convert::operation).collect::<Result<_, _>>()?,
        };
        let outcome = self.run(txn).await?;
        let responses = outcome.responses.into_iter().map(convert::returned).collect::<Result<_, _>>()?;
        let header = header(&self.store, outcome.revision);
        Ok(Response::new(TxnResponse { header, succeeded: outcome.succeeded, responses }))
    }

    async fn compact(&self, request: Request<CompactRequest>) -> Result<Response<CompactResponse>, Status> {
        let revision = u64::try_from(request.into_inner().revision).unwrap_or_default();
        let compacted = self.store.compact(revision, Instant::now() + PATIENCE).await;
        compacted.map_err(|error| status(&error))?;
        Ok(Response::new(CompactResponse { header: header(&self.store, self.store.state().revision()) }))
    }
}
