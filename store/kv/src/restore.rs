//! A state as records, and back: what snapshots and checkpoints are made of.
//!
//! A [`Header`] carries everything but the versions, each of which is a [`VersionRecord`]. Change lists and the keys
//! of leases follow from the versions, so they are not written. Records of one key must come oldest first; keys may
//! come in any order.
//!
//! There may be more records than belong to the header's state: those of later revisions, and those it had compacted.
//! A checkpoint that a crash interrupted leaves such, and they are passed over. Missing ones are an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::chain::Version;
use crate::lease::Lease;
use crate::model::{Outcome, Revision};
use crate::session::Session;
use crate::state::State;

/// One version of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRecord {
    /// The key.
    pub key: Bytes,
    /// `None`: the key was deleted.
    pub value: Option<Bytes>,
    /// See [`crate::KeyValue::create_revision`]; 0 for a deletion.
    pub create_revision: Revision,
    /// The revision that wrote this version. With the key, it names the record.
    pub mod_revision: Revision,
    /// See [`crate::KeyValue::version`]; 0 for a deletion.
    pub version: u64,
    /// The lease; 0: none.
    pub lease: u64,
}

/// A state without its versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The newest revision.
    pub revision: Revision,
    /// The oldest readable revision.
    pub compact_revision: Revision,
    /// The newest stamp.
    pub time_ms: u64,
    /// The hash that the restored state must have.
    pub hash: u64,
    /// How many versions belong to it.
    pub versions: u64,
    /// Without their keys.
    pub leases: Vec<LeaseRecord>,
    /// With the outcomes that somebody may still ask for.
    pub sessions: Vec<SessionRecord>,
}

/// A lease, see [`crate::Lease`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseRecord {
    /// Its id.
    pub id: u64,
    /// How long it lives after each renewal.
    pub ttl_ms: u64,
    /// When it may be revoked.
    pub expires_ms: u64,
}

/// A proposer's recent requests, see [`crate::RequestId`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionRecord {
    /// The session.
    pub id: u64,
    /// Requests below this number are settled.
    pub settled_below: u64,
    /// The leader's time at its newest request.
    pub last_used_ms: u64,
    /// Number and outcome of each request that is not settled.
    pub outcomes: Vec<(u64, Outcome)>,
}

/// Records that do not make up the state they claim to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Some are missing or superfluous.
    #[error("expected {expected} versions, found {found}")]
    Count {
        /// As the header says.
        expected: u64,
        /// As came.
        found: u64,
    },
    /// Versions of a key came out of order.
    #[error("versions out of order at revision {revision}")]
    Order {
        /// Where.
        revision: Revision,
    },
    /// The contents differ.
    #[error("state hash {found:016x}, expected {expected:016x}")]
    Hash {
        /// As the header says.
        expected: u64,
        /// As computed.
        found: u64,
    },
}

impl VersionRecord {
    pub(crate) fn new(key: &Bytes, version: &Version) -> VersionRecord {
        VersionRecord {
            key: key.clone(),
            value: version.value.clone(),
            create_revision: version.create_revision,
            mod_revision: version.mod_revision,
            version: version.version,
            lease: version.lease,
        }
    }

    fn into_version(self) -> (Bytes, Version) {
        let version = Version {
            value: self.value,
            create_revision: self.create_revision,
            mod_revision: self.mod_revision,
            version: self.version,
            lease: self.lease,
        };
        (self.key, version)
    }
}

impl State {
    /// Everything but the versions.
    pub fn header(&self) -> Header {
        Header {
            revision: self.revision,
            compact_revision: self.compact_revision,
            time_ms: self.time_ms,
            hash: self.hash(),
            versions: self.versions,
            leases: self.leases.iter().map(lease_record).collect(),
            sessions: self.sessions.iter().map(session_record).collect(),
        }
    }

    /// All versions, by key and then by age.
    pub fn records(&self) -> impl Iterator<Item = VersionRecord> {
        self.chains
            .iter()
            .flat_map(|(key, chain)| chain.versions().map(move |version| VersionRecord::new(key, version)))
    }

    /// Builds the state again and proves it by its hash. An error of the source ends it.
    pub fn restore<E: From<RestoreError>>(
        header: &Header,
        records: impl Iterator<Item = Result<VersionRecord, E>>,
    ) -> Result<State, E> {
        let mut state = empty_with(header);
        let mut changes: BTreeMap<Revision, Vec<Bytes>> = BTreeMap::new();
        for record in records {
            let (key, version) = record?.into_version();
            // Written for a later state than this one.
            if version.mod_revision > header.revision {
                continue;
            }
            if version.mod_revision > header.compact_revision {
                changes.entry(version.mod_revision).or_default().push(key.clone());
            }
            state.add_restored(&key, version)?;
        }
        state.changes = changes.into_iter().map(sorted).collect();
        state.trim_leftovers(header);
        state.join_leases();
        check(header, &state)?;
        Ok(state)
    }

    fn add_restored(&mut self, key: &Bytes, version: Version) -> Result<(), RestoreError> {
        let revision = version.mod_revision;
        let newest = self.chains.get(key).map_or(0, |chain| chain.latest().mod_revision);
        if revision <= newest {
            return Err(RestoreError::Order { revision });
        }
        self.push_version(key, version);
        Ok(())
    }

    /// Forgets versions that the state had compacted, but whose records were not removed yet.
    fn trim_leftovers(&mut self, header: &Header) {
        if self.versions != header.versions {
            let keys: Vec<Bytes> = self.chains.keys().cloned().collect();
            for key in &keys {
                self.trim(key);
            }
        }
    }

    fn join_leases(&mut self) {
        if self.leases.is_empty() {
            return;
        }
        let leased: Vec<(Bytes, u64)> =
            self.range(b"", None).filter(|kv| kv.lease != 0).map(|kv| (kv.key, kv.lease)).collect();
        leased.iter().for_each(|(key, lease)| self.move_key(key, 0, *lease));
    }
}

fn lease_record((id, lease): (&u64, &Lease)) -> LeaseRecord {
    LeaseRecord { id: *id, ttl_ms: lease.ttl_ms, expires_ms: lease.expires_ms }
}

fn session_record((id, session): (&u64, &Session)) -> SessionRecord {
    SessionRecord {
        id: *id,
        settled_below: session.settled_below,
        last_used_ms: session.last_used_ms,
        outcomes: session.outcomes.iter().map(|(number, outcome)| (*number, Outcome::clone(outcome))).collect(),
    }
}

fn sorted((revision, mut keys): (Revision, Vec<Bytes>)) -> (Revision, Arc<[Bytes]>) {
    keys.sort();
    (revision, keys.into())
}

fn empty_with(header: &Header) -> State {
    let lease = |record: &LeaseRecord| {
        let LeaseRecord { id, ttl_ms, expires_ms } = *record;
        (id, Lease { ttl_ms, expires_ms, ..Lease::default() })
    };
    let session = |record: &SessionRecord| {
        let SessionRecord { id, settled_below, last_used_ms, ref outcomes } = *record;
        let outcomes = outcomes.iter().map(|(number, outcome)| (*number, Arc::new(outcome.clone()))).collect();
        (id, Session { settled_below, last_used_ms, outcomes })
    };
    State {
        revision: header.revision,
        compact_revision: header.compact_revision,
        time_ms: header.time_ms,
        leases: header.leases.iter().map(lease).collect(),
        sessions: header.sessions.iter().map(session).collect(),
        ..State::default()
    }
}

fn check(header: &Header, state: &State) -> Result<(), RestoreError> {
    if state.versions != header.versions {
        return Err(RestoreError::Count { expected: header.versions, found: state.versions });
    }
    let hash = state.hash();
    if hash != header.hash {
        return Err(RestoreError::Hash { expected: header.hash, found: hash });
    }
    Ok(())
}
