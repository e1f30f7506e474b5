//! The state hash: equal on equal states, kept up to date at a constant cost for each change.
//!
//! A version's share is a mix of the CRC32C of its key and value and of its numbers; the digest is the wrapping sum
//! of all shares, so that the order of changes does not matter and a forgotten version is subtracted again. It guards
//! against divergence and damage, not against malice.

use bytes::Bytes;

use crate::chain::Version;
use crate::lease::Lease;
use crate::session::Session;
use crate::state::State;

/// The hash of everything replicated.
pub(crate) fn of_state(state: &State) -> u64 {
    let numbers = fold(&[state.revision, state.compact_revision, state.time_ms, state.digest, state.bytes]);
    let leases = state.leases.iter().map(|(id, lease)| of_lease(*id, lease)).fold(0, u64::wrapping_add);
    let sessions = state.sessions.iter().map(|(id, session)| of_session(*id, session)).fold(0, u64::wrapping_add);
    fold(&[numbers, leases, sessions])
}

/// One version's share of the digest.
pub(crate) fn of_version(key: &Bytes, version: &Version) -> u64 {
    let value = version.value.as_ref().map_or(u64::MAX, |value| u64::from(crc32c::crc32c(value)));
    let key = u64::from(crc32c::crc32c(key));
    fold(&[key, value, version.create_revision, version.mod_revision, version.version, version.lease])
}

fn of_lease(id: u64, lease: &Lease) -> u64 {
    fold(&[id, lease.ttl_ms, lease.expires_ms, lease.keys.len() as u64])
}

fn of_session(id: u64, session: &Session) -> u64 {
    fold(&[id, session.settled_below, session.last_used_ms, session.outcomes.len() as u64])
}

/// Mixes numbers in order (the finaliser of SplitMix64 after each).
fn fold(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0x9e37_79b9_7f4a_7c15, |hash, number| mix(hash ^ number))
}

fn mix(input: u64) -> u64 {
    let mut mixed = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
