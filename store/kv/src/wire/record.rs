//! States as bytes: a header and one record for each version.

use bytes::Bytes;
use prost::Message;

use super::outcome::{WireOutcome, from_outcome, into_outcome};
use super::{WireError, owned};
use crate::model::Outcome;
use crate::restore::{Header, LeaseRecord, SessionRecord, VersionRecord};

#[derive(Clone, PartialEq, Message)]
struct WireHeader {
    #[prost(uint64, tag = "1")]
    revision: u64,
    #[prost(uint64, tag = "2")]
    compact_revision: u64,
    #[prost(uint64, tag = "3")]
    time_ms: u64,
    #[prost(fixed64, tag = "4")]
    hash: u64,
    #[prost(uint64, tag = "5")]
    versions: u64,
    #[prost(message, repeated, tag = "6")]
    leases: Vec<WireLease>,
    #[prost(message, repeated, tag = "7")]
    sessions: Vec<WireSession>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct WireLease {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "2")]
    ttl_ms: u64,
    #[prost(uint64, tag = "3")]
    expires_ms: u64,
}

#[derive(Clone, PartialEq, Message)]
struct WireSession {
    #[prost(fixed64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "2")]
    settled_below: u64,
    #[prost(uint64, tag = "3")]
    last_used_ms: u64,
    #[prost(message, repeated, tag = "4")]
    outcomes: Vec<WireRecorded>,
}

#[derive(Clone, PartialEq, Message)]
struct WireRecorded {
    #[prost(uint64, tag = "1")]
    sequence: u64,
    #[prost(message, optional, tag = "2")]
    outcome: Option<WireOutcome>,
}

#[derive(Clone, PartialEq, Message)]
struct WireVersion {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bytes = "bytes", optional, tag = "2")]
    value: Option<Bytes>,
    #[prost(uint64, tag = "3")]
    create_revision: u64,
    #[prost(uint64, tag = "4")]
    mod_revision: u64,
    #[prost(uint64, tag = "5")]
    version: u64,
    #[prost(uint64, tag = "6")]
    lease: u64,
}

/// Writes a header.
pub fn encode_header(header: &Header) -> Bytes {
    let lease = |lease: &LeaseRecord| WireLease { id: lease.id, ttl_ms: lease.ttl_ms, expires_ms: lease.expires_ms };
    let wire = WireHeader {
        revision: header.revision,
        compact_revision: header.compact_revision,
        time_ms: header.time_ms,
        hash: header.hash,
        versions: header.versions,
        leases: header.leases.iter().map(lease).collect(),
        sessions: header.sessions.iter().map(from_session).collect(),
    };
    wire.encode_to_vec().into()
}

/// Reads what [`encode_header`] wrote.
pub fn decode_header(bytes: &Bytes) -> Result<Header, WireError> {
    let wire = WireHeader::decode(bytes.clone())?;
    Ok(Header {
        revision: wire.revision,
        compact_revision: wire.compact_revision,
        time_ms: wire.time_ms,
        hash: wire.hash,
        versions: wire.versions,
        leases: wire.leases.iter().map(into_lease).collect(),
        sessions: wire.sessions.iter().map(into_session).collect::<Result<_, _>>()?,
    })
}

/// Writes a version.
pub fn encode_record(record: &VersionRecord) -> Bytes {
    let wire = WireVersion {
        key: record.key.clone(),
        value: record.value.clone(),
        create_revision: record.create_revision,
        mod_revision: record.mod_revision,
        version: record.version,
        lease: record.lease,
    };
    wire.encode_to_vec().into()
}

/// Reads what [`encode_record`] wrote.
pub fn decode_record(bytes: &Bytes) -> Result<VersionRecord, WireError> {
    let wire = WireVersion::decode(bytes.clone())?;
    Ok(VersionRecord {
        key: owned(&wire.key),
        value: wire.value.as_ref().map(owned),
        create_revision: wire.create_revision,
        mod_revision: wire.mod_revision,
        version: wire.version,
        lease: wire.lease,
    })
}

fn into_lease(wire: &WireLease) -> LeaseRecord {
    LeaseRecord { id: wire.id, ttl_ms: wire.ttl_ms, expires_ms: wire.expires_ms }
}

fn from_session(session: &SessionRecord) -> WireSession {
    let recorded = |(sequence, outcome): &(u64, Outcome)| WireRecorded {
        sequence: *sequence,
        outcome: Some(from_outcome(outcome)),
    };
    WireSession {
        id: session.id,
        settled_below: session.settled_below,
        last_used_ms: session.last_used_ms,
        outcomes: session.outcomes.iter().map(recorded).collect(),
    }
}

fn into_session(wire: &WireSession) -> Result<SessionRecord, WireError> {
    let outcome = |recorded: &WireRecorded| -> Result<_, WireError> {
        let outcome = recorded.outcome.as_ref().ok_or(WireError::Missing("outcome"))?;
        Ok((recorded.sequence, into_outcome(outcome)?))
    };
    Ok(SessionRecord {
        id: wire.id,
        settled_below: wire.settled_below,
        last_used_ms: wire.last_used_ms,
        outcomes: wire.outcomes.iter().map(outcome).collect::<Result<_, _>>()?,
    })
}
