//! Leases for many keys at once.
//!
//! Keys that shall go some time after they were put, and need not go on the second, share a lease: one for all that is
//! put within a [`SPREAD_MS`]. So a key costs no grant of its own, and the log one grant and one revocation a minute at
//! most, however many keys come. A lease takes [`MOST_KEYS`] keys, because all of them go in one revision; then the
//! next one is used.
//!
//! Which lease that is, is chosen here and before the proposal. The id follows from the end of the keys' life, so that
//! all proposers choose the same; that one of them is behind with its clock or its state costs a key at most as much of
//! its life, or the log one more grant.

use crate::state::State;

/// What is put within this time ends together.
pub const SPREAD_MS: u64 = 60_000;
/// Keys of one lease.
const MOST_KEYS: usize = 1_000;
/// The highest byte of the ids of shared leases. Whoever chooses ids for leases of its own keeps clear of it.
const MARK: u64 = 0x5e << 56;
/// The lowest bits of an id tell the leases of one minute apart.
const SLOT_BITS: u32 = 20;

/// Which lease to put a key under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedLease {
    /// One that is there.
    There {
        /// Its id.
        id: u64,
    },
    /// One that must be granted first.
    Grant {
        /// Its id.
        id: u64,
        /// How long it shall live, so that keys put within a minute live long enough.
        ttl_ms: u64,
    },
}

impl State {
    /// The lease for a key that is put at `now_ms` and shall live for `ttl_ms`, or up to [`SPREAD_MS`] longer.
    pub fn shared_lease(&self, now_ms: u64, ttl_ms: u64) -> SharedLease {
        let end = now_ms.max(self.time_ms).saturating_add(ttl_ms) / SPREAD_MS;
        let first = MARK | ((end << SLOT_BITS) & !(0xff << 56));
        let slots = first..first + (1 << SLOT_BITS);
        let has_room = |id: &u64| self.lease(*id).is_none_or(|lease| lease.keys.len() < MOST_KEYS);
        let id = slots.clone().find(has_room).unwrap_or(slots.end - 1);
        match self.lease(id) {
            Some(_) => SharedLease::There { id },
            None => SharedLease::Grant { id, ttl_ms: ttl_ms.saturating_add(SPREAD_MS) },
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::{Applied, Body, Command, Op, RequestId, Txn};

    const HOUR: u64 = 3_600_000;
    /// A whole minute.
    const START: u64 = 1_000_000 * SPREAD_MS;

    fn apply(state: &mut State, time_ms: u64, body: Body) -> Applied {
        state.apply(&Command { request_id: RequestId::default(), time_ms, body })
    }

    /// Puts a key for an hour; says whether that took a grant.
    fn put(state: &mut State, time_ms: u64, key: &str) -> bool {
        let (lease, granted) = match state.shared_lease(time_ms, HOUR) {
            SharedLease::There { id } => (id, false),
            SharedLease::Grant { id, ttl_ms } => {
                apply(state, time_ms, Body::LeaseGrant { id, ttl_ms });
                (id, true)
            }
        };
        let op = Op::Put { key: Bytes::copy_from_slice(key.as_bytes()), value: Bytes::new(), lease };
        apply(state, time_ms, Body::Txn(Txn { success: vec![op], ..Txn::default() }));
        granted
    }

    /// What the leader does each second.
    fn expire(state: &mut State, time_ms: u64) -> Vec<String> {
        let expired: Vec<u64> = state.expired_leases(time_ms).collect();
        let events = expired.into_iter().flat_map(|id| apply(state, time_ms, Body::LeaseRevoke { id }).events);
        events.map(|event| String::from_utf8(event.key.to_vec()).unwrap()).collect()
    }

    #[test]
    fn keys_of_one_minute_share_a_lease_and_outlive_their_time_by_a_minute_at_most() {
        let mut state = State::default();
        assert!(put(&mut state, START, "/a"));
        assert!(!put(&mut state, START + SPREAD_MS - 1, "/b"));
        assert!(put(&mut state, START + SPREAD_MS, "/c"));
        assert_eq!(expire(&mut state, START + SPREAD_MS + HOUR - 1), Vec::<String>::new());
        assert_eq!(expire(&mut state, START + SPREAD_MS + HOUR), ["/a", "/b"]);
        assert_eq!(expire(&mut state, START + 2 * SPREAD_MS + HOUR), ["/c"]);
        assert_eq!(state.expired_leases(u64::MAX).count(), 0);
    }

    #[test]
    fn a_key_that_is_put_again_starts_anew() {
        let mut state = State::default();
        put(&mut state, START, "/a");
        put(&mut state, START + HOUR, "/a");
        assert_eq!(expire(&mut state, START + SPREAD_MS + HOUR), Vec::<String>::new());
        assert_eq!(expire(&mut state, START + SPREAD_MS + 2 * HOUR), ["/a"]);
    }

    #[test]
    fn a_lease_takes_so_many_keys_and_no_more() {
        let mut state = State::default();
        let grants = (0..2 * MOST_KEYS + 1).filter(|n| put(&mut state, START, &format!("/{n}"))).count();
        assert_eq!(grants, 3);
        assert!(state.expired_leases(u64::MAX).all(|id| state.lease(id).unwrap().keys.len() <= MOST_KEYS));
    }

    #[test]
    fn a_clock_that_is_behind_the_leaders_stamps_does_not_count() {
        let mut state = State::default();
        put(&mut state, START, "/a");
        assert!(!put(&mut state, START - HOUR, "/b"), "it shares the lease");
    }
}
