//! The store's records about certificates: which keys a name is bound to.
//!
//! A node's certificate is as good as its record. The record is made when the node joins, guarded so that of two who join under
//! one name one is refused; it goes with the Node object, in the same transaction, and with it every certificate of that name.
//! No API serves this place, and the watch cache ignores it.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use xebec_kv::State;
use xebec_proto::token::hex;
use xebec_proto::v1::Role;

use super::certificate::{ClientCertificate, KeyHash};

const NAMES: &str = "/bootstrap/names/";

/// Which keys a name belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameRecord {
    /// Hashes of the keys, in hex: the newest last. Two, while a renewal may not have reached the node yet.
    pub keys: Vec<String>,
    /// When the name was taken.
    pub since: Timestamp,
}

/// What the records say of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing against it.
    Good,
    /// A node's, and the name is not bound to its key, as far as this master knows.
    Unknown,
}

/// The key of a name's record.
pub fn name_key(role: Role, name: &str) -> Bytes {
    let role = if role == Role::Server { "masters" } else { "nodes" };
    format!("{NAMES}{role}/{name}").into()
}

/// The record of a name, if it is taken, and the revision of its last change.
pub fn name_record(state: &State, role: Role, name: &str) -> Option<(NameRecord, u64)> {
    let found = state.get(&name_key(role, name))?;
    Some((serde_json::from_slice(&found.value).ok()?, found.mod_revision))
}

impl NameRecord {
    /// Of a name that is taken now, by this key.
    pub fn new(key: &KeyHash, now: Timestamp) -> Self {
        Self { keys: vec![hex(key)], since: now }
    }

    /// After a renewal: the key that has just been shown, and the new one.
    #[must_use]
    pub fn renewed(self, shown: &KeyHash, new: &KeyHash) -> Self {
        Self { keys: vec![hex(shown), hex(new)], since: self.since }
    }

    /// With a further key, beside the newest.
    #[must_use]
    pub fn extended(mut self, key: &KeyHash) -> Self {
        self.keys = self.keys.split_off(self.keys.len().saturating_sub(1));
        self.keys.push(hex(key));
        self
    }

    /// Whether the name belongs to this key.
    pub fn binds(&self, key: &KeyHash) -> bool {
        self.keys.contains(&hex(key))
    }

    /// The record as it is kept.
    pub fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).expect("strings and a date have a JSON form").into()
    }
}

/// What the records say of this certificate.
pub fn standing(state: &State, certificate: &ClientCertificate) -> Standing {
    let Some(node) = certificate.user.node_name() else { return Standing::Good };
    let record = name_record(state, Role::Agent, node);
    let is_bound = record.is_some_and(|(record, _)| record.binds(&certificate.key));
    if is_bound { Standing::Good } else { Standing::Unknown }
}

#[cfg(test)]
mod tests {
    use xebec_kv::{Body, Command, Op, RequestId, Txn};

    use super::*;
    use crate::authn::User;

    fn certificate(user: User, key: u8) -> ClientCertificate {
        ClientCertificate { user: user.into(), key: [key; 32], not_after: Timestamp::MAX }
    }

    fn put(state: &mut State, key: Bytes, value: Bytes) {
        let txn = Txn { compares: Vec::new(), success: vec![Op::Put { key, value, lease: 0 }], failure: Vec::new() };
        state.apply(&Command { request_id: RequestId::default(), time_ms: 0, body: Body::Txn(txn) });
    }

    #[test]
    fn a_node_is_known_by_its_key_and_others_by_their_certificate() {
        let mut state = State::default();
        let node = |key| certificate(User::node("n1"), key);
        assert_eq!(standing(&state, &node(1)), Standing::Unknown);
        let record = NameRecord::new(&[1; 32], Timestamp::UNIX_EPOCH);
        put(&mut state, name_key(Role::Agent, "n1"), record.to_bytes());
        assert_eq!(standing(&state, &node(1)), Standing::Good);
        assert_eq!(standing(&state, &node(2)), Standing::Unknown);
        put(&mut state, name_key(Role::Agent, "n1"), record.renewed(&[1; 32], &[2; 32]).to_bytes());
        assert_eq!([1, 2, 3].map(|key| standing(&state, &node(key)) == Standing::Good), [true, true, false]);
        assert_eq!(standing(&state, &certificate(User::new("jane", []), 9)), Standing::Good);
    }
}
