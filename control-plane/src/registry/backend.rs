//! The part of the store that the registry uses, as a trait, so that the tests of this crate can run over the pure
//! state machine.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use xebec_kv::{State, Txn, TxnOutcome};
use xebec_store::{Store, StoreError};

/// Transactions, leases and linearizable reads.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Runs a transaction; when this returns it is durable on a majority.
    async fn txn(&self, txn: Txn, deadline: Instant) -> Result<TxnOutcome, StoreError>;
    /// The same for a transaction that leads to a delete: taken even when the disk is nearly full.
    async fn txn_freeing(&self, txn: Txn, deadline: Instant) -> Result<TxnOutcome, StoreError> {
        self.txn(txn, deadline).await
    }
    /// A lease for keys that shall go `ttl` after they were put, or a little later. Many keys share it.
    async fn shared_lease(&self, ttl: Duration, deadline: Instant) -> Result<u64, StoreError>;
    /// Waits until this master has applied everything acknowledged before; returns the applied revision.
    async fn read_barrier(&self, deadline: Instant) -> Result<u64, StoreError>;
    /// The applied state, history included.
    fn state(&self) -> Arc<State>;
}

#[async_trait]
impl Backend for Store {
    async fn txn(&self, txn: Txn, deadline: Instant) -> Result<TxnOutcome, StoreError> {
        Store::txn(self, txn, deadline).await
    }

    async fn txn_freeing(&self, txn: Txn, deadline: Instant) -> Result<TxnOutcome, StoreError> {
        Store::txn_freeing(self, txn, deadline).await
    }

    async fn shared_lease(&self, ttl: Duration, deadline: Instant) -> Result<u64, StoreError> {
        Store::shared_lease(self, ttl, deadline).await
    }

    async fn read_barrier(&self, deadline: Instant) -> Result<u64, StoreError> {
        Store::read_barrier(self, deadline).await
    }

    fn state(&self) -> Arc<State> {
        Store::state(self)
    }
}
