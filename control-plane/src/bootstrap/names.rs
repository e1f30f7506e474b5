//! Names of nodes and masters in the store: taken by the first who joins under one, and bound to that one's key.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use xebec_kv::{Compare, Op, Txn};
use xebec_proto::v1::Role;
use xebec_store::StoreError;

use crate::authn::certificate::KeyHash;
use crate::authn::credentials::{NameRecord, name_key, name_record};
use crate::registry::Backend;

/// Who joins registers within seconds. A name that nobody has come to use by then may be taken again, so that a joiner which lost
/// its key on the way does not block its own name.
const UNUSED_FOR: SignedDuration = SignedDuration::from_mins(10);

/// Why a name was not bound.
#[derive(Debug, thiserror::Error)]
pub enum NamesError {
    /// Somebody else has it.
    #[error(
        "the name {name} was taken by another who joined just now: choose another name, or try again in 10 minutes"
    )]
    Taken {
        /// Which.
        name: String,
    },
    /// The one who renews is not the one who joined.
    #[error("this node is not part of the cluster any more: join with a token")]
    NotBound,
    /// The store could not do it.
    #[error("the store cannot bind the name")]
    Store(#[from] StoreError),
}

impl NamesError {
    /// Whether trying again would come to the same.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Taken { .. })
    }
}

/// The cluster's names.
#[derive(Clone)]
pub struct Names {
    store: Arc<dyn Backend>,
}

impl Names {
    /// Those in this store.
    pub fn new(store: Arc<dyn Backend>) -> Self {
        Self { store }
    }

    /// Binds a name, which no node or master of the cluster has, to a key. The same key may try again.
    pub async fn claim(
        &self,
        role: Role,
        name: &str,
        key: &KeyHash,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<(), NamesError> {
        let record = NameRecord::new(key, now);
        let place = name_key(role, name);
        let condition = match name_record(&self.store.state(), role, name) {
            None => Compare::absent(place),
            Some((held, _)) if held.keys == record.keys => return Ok(()),
            Some((held, revision)) if now.duration_since(held.since) >= UNUSED_FOR => {
                Compare::unchanged(place, revision)
            }
            Some(_) => return Err(NamesError::Taken { name: name.to_owned() }),
        };
        let taken = !self.put(role, name, &record, condition, deadline).await?;
        if taken { Err(NamesError::Taken { name: name.to_owned() }) } else { Ok(()) }
    }

    /// Binds a node's name to a new key too, for the holder of the key that it is bound to.
    pub async fn renew(&self, name: &str, shown: &KeyHash, new: &KeyHash, deadline: Instant) -> Result<(), NamesError> {
        self.store.read_barrier(deadline).await?;
        let (held, revision) = name_record(&self.store.state(), Role::Agent, name).ok_or(NamesError::NotBound)?;
        if !held.binds(shown) {
            return Err(NamesError::NotBound);
        }
        let condition = Compare::unchanged(name_key(Role::Agent, name), revision);
        let done = self.put(Role::Agent, name, &held.renewed(shown, new), condition, deadline).await?;
        if done { Ok(()) } else { Err(NamesError::NotBound) }
    }

    /// Binds a node's name to a key whose certificate has been approved: a name that is free, or, where the node itself has asked,
    /// the node's own.
    pub async fn approve(
        &self,
        name: &str,
        key: &KeyHash,
        by_itself: bool,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<(), NamesError> {
        self.store.read_barrier(deadline).await?;
        let Some((held, revision)) = name_record(&self.store.state(), Role::Agent, name) else {
            return self.claim(Role::Agent, name, key, now, deadline).await;
        };
        if held.binds(key) {
            return Ok(());
        }
        if !by_itself {
            return Err(NamesError::Taken { name: name.to_owned() });
        }
        let condition = Compare::unchanged(name_key(Role::Agent, name), revision);
        let done = self.put(Role::Agent, name, &held.extended(key), condition, deadline).await?;
        if done { Ok(()) } else { Err(NamesError::NotBound) }
    }

    /// Forgets a name: whoever has it must join again.
    pub async fn release(&self, role: Role, name: &str, deadline: Instant) -> Result<(), NamesError> {
        let success = vec![Op::Delete { key: name_key(role, name) }];
        self.store.txn_freeing(Txn { compares: Vec::new(), success, failure: Vec::new() }, deadline).await?;
        Ok(())
    }

    async fn put(
        &self,
        role: Role,
        name: &str,
        record: &NameRecord,
        condition: Compare,
        deadline: Instant,
    ) -> Result<bool, NamesError> {
        let put = Op::Put { key: name_key(role, name), value: record.to_bytes(), lease: 0 };
        let txn = Txn { compares: vec![condition], success: vec![put], failure: Vec::new() };
        Ok(self.store.txn(txn, deadline).await?.succeeded)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cache::{Cache, Limits};
    use crate::registry::testing::MemoryStore;

    fn names() -> Names {
        Names::new(MemoryStore::new(Cache::new(Limits::default())))
    }

    async fn claim(names: &Names, key: u8, at: i64) -> Result<(), NamesError> {
        let now = Timestamp::from_second(at).unwrap();
        names.claim(Role::Agent, "n1", &[key; 32], now, Instant::now() + Duration::from_secs(1)).await
    }

    async fn renew(names: &Names, shown: u8, new: u8) -> Result<(), NamesError> {
        names.renew("n1", &[shown; 32], &[new; 32], Instant::now() + Duration::from_secs(1)).await
    }

    #[tokio::test]
    async fn of_two_who_join_under_one_name_one_is_refused() {
        let names = names();
        claim(&names, 1, 1000).await.unwrap();
        claim(&names, 1, 1001).await.unwrap();
        assert!(matches!(claim(&names, 2, 1002).await, Err(NamesError::Taken { .. })));
        claim(&names, 2, 1600).await.unwrap();
        assert!(matches!(renew(&names, 1, 3).await, Err(NamesError::NotBound)));
    }

    #[tokio::test]
    async fn a_renewal_whose_answer_was_lost_can_be_tried_again() {
        let names = names();
        claim(&names, 1, 0).await.unwrap();
        renew(&names, 1, 2).await.unwrap();
        renew(&names, 1, 3).await.unwrap();
        assert!(matches!(renew(&names, 2, 4).await, Err(NamesError::NotBound)));
        renew(&names, 3, 4).await.unwrap();
        assert!(matches!(renew(&names, 1, 5).await, Err(NamesError::NotBound)));
    }

    #[tokio::test]
    async fn a_released_name_is_bound_to_nobody() {
        let names = names();
        claim(&names, 1, 0).await.unwrap();
        names.release(Role::Agent, "n1", Instant::now() + Duration::from_secs(1)).await.unwrap();
        assert!(matches!(renew(&names, 1, 2).await, Err(NamesError::NotBound)));
        claim(&names, 2, 1).await.unwrap();
    }
}
