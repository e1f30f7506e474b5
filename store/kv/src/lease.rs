//! Leases: keys that go when nobody renews them.
//!
//! The machine has no clock. It keeps when a lease would expire by the leader's stamps; the leader looks for expired
//! leases and proposes to revoke them, so that all replicas delete the keys at the same revision.

use bytes::Bytes;
use imbl::OrdSet;

use crate::limits::MAX_LEASE_KEYS;
use crate::model::{Event, Outcome};
use crate::overlay::Overlay;
use crate::rejection::Rejection;
use crate::state::State;

/// A lease and the keys that go with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// How long it lives after each renewal.
    pub ttl_ms: u64,
    /// The leader's time at which it may be revoked.
    pub expires_ms: u64,
    /// Its keys.
    pub keys: OrdSet<Bytes>,
}

impl State {
    /// The leases that have expired at the leader's time `now_ms`.
    pub fn expired_leases(&self, now_ms: u64) -> impl Iterator<Item = u64> {
        self.leases.iter().filter(move |(_, lease)| lease.expires_ms <= now_ms).map(|(id, _)| *id)
    }

    /// A lease by its id.
    pub fn lease(&self, id: u64) -> Option<&Lease> {
        self.leases.get(&id)
    }

    pub(crate) fn grant_lease(&mut self, id: u64, ttl_ms: u64) -> Outcome {
        if id == 0 {
            return Outcome::Rejected(Rejection::LeaseNotFound { id });
        }
        let expires_ms = self.time_ms.saturating_add(ttl_ms);
        let keys = self.leases.get(&id).map(|lease| lease.keys.clone()).unwrap_or_default();
        self.leases.insert(id, Lease { ttl_ms, expires_ms, keys });
        Outcome::Done { revision: self.revision }
    }

    pub(crate) fn renew_lease(&mut self, id: u64) -> Outcome {
        let now_ms = self.time_ms;
        match self.leases.get_mut(&id) {
            Some(lease) => lease.expires_ms = now_ms.saturating_add(lease.ttl_ms),
            None => return Outcome::Rejected(Rejection::LeaseNotFound { id }),
        }
        Outcome::Done { revision: self.revision }
    }

    pub(crate) fn revoke_lease(&mut self, id: u64) -> (Outcome, Vec<Event>) {
        let Some(lease) = self.leases.get(&id).cloned() else {
            return (Outcome::Rejected(Rejection::LeaseNotFound { id }), Vec::new());
        };
        let mut overlay = Overlay::new(self);
        for key in &lease.keys {
            overlay.delete(key);
        }
        let events = overlay.finish().commit(self);
        self.leases.remove(&id);
        (Outcome::Done { revision: self.revision }, events)
    }

    /// Refuses a put under a lease that is not there or has no room for the key.
    pub(crate) fn check_lease(&self, id: u64, key: &Bytes) -> Result<(), Rejection> {
        if id == 0 {
            return Ok(());
        }
        let lease = self.leases.get(&id).ok_or(Rejection::LeaseNotFound { id })?;
        if lease.keys.len() >= MAX_LEASE_KEYS && !lease.keys.contains(key) {
            return Err(Rejection::LeaseFull { id, limit: MAX_LEASE_KEYS as u64 });
        }
        Ok(())
    }

    /// Moves a key from one lease to another; 0 is none.
    pub(crate) fn move_key(&mut self, key: &Bytes, from: u64, to: u64) {
        if from == to {
            return;
        }
        if let Some(lease) = self.leases.get_mut(&from) {
            lease.keys.remove(key);
        }
        if let Some(lease) = self.leases.get_mut(&to) {
            lease.keys.insert(key.clone());
        }
    }
}
