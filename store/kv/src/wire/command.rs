//! Commands as bytes. The leader's time stamp travels beside them, so that forwarding does not encode twice.

use bytes::Bytes;
use prost::{Message, Oneof};

use super::{WireError, owned};
use crate::model::{Body, Compare, Op, RequestId, Txn};

#[derive(Clone, PartialEq, Message)]
struct WireCommand {
    #[prost(fixed64, tag = "1")]
    session: u64,
    #[prost(uint64, tag = "2")]
    sequence: u64,
    #[prost(uint64, tag = "3")]
    settled_below: u64,
    #[prost(oneof = "WireBody", tags = "4, 5, 6, 7, 8")]
    body: Option<WireBody>,
}

#[derive(Clone, PartialEq, Oneof)]
enum WireBody {
    #[prost(message, tag = "4")]
    Txn(WireTxn),
    #[prost(uint64, tag = "5")]
    Compact(u64),
    #[prost(message, tag = "6")]
    LeaseGrant(WireLeaseGrant),
    #[prost(uint64, tag = "7")]
    LeaseRenew(u64),
    #[prost(uint64, tag = "8")]
    LeaseRevoke(u64),
}

#[derive(Clone, Copy, PartialEq, Message)]
struct WireLeaseGrant {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "2")]
    ttl_ms: u64,
}

#[derive(Clone, PartialEq, Message)]
struct WireTxn {
    #[prost(message, repeated, tag = "1")]
    compares: Vec<WireCompare>,
    #[prost(message, repeated, tag = "2")]
    success: Vec<WireOp>,
    #[prost(message, repeated, tag = "3")]
    failure: Vec<WireOp>,
}

#[derive(Clone, PartialEq, Message)]
struct WireCompare {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(oneof = "WireTest", tags = "2, 3, 4, 5")]
    test: Option<WireTest>,
}

#[derive(Clone, PartialEq, Oneof)]
enum WireTest {
    /// True: the key must exist; false: it must not.
    #[prost(bool, tag = "2")]
    Exists(bool),
    #[prost(uint64, tag = "3")]
    ModRevision(u64),
    #[prost(uint64, tag = "4")]
    Version(u64),
    #[prost(bytes = "bytes", tag = "5")]
    Value(Bytes),
}

#[derive(Clone, PartialEq, Message)]
struct WireOp {
    #[prost(oneof = "WireStep", tags = "1, 2, 3, 4")]
    step: Option<WireStep>,
}

#[derive(Clone, PartialEq, Oneof)]
enum WireStep {
    #[prost(message, tag = "1")]
    Put(WirePut),
    #[prost(bytes = "bytes", tag = "2")]
    Delete(Bytes),
    #[prost(bytes = "bytes", tag = "3")]
    DeletePrefix(Bytes),
    #[prost(bytes = "bytes", tag = "4")]
    Get(Bytes),
}

#[derive(Clone, PartialEq, Message)]
struct WirePut {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
    #[prost(uint64, tag = "3")]
    lease: u64,
}

/// Writes a command without its time stamp.
pub fn encode_body(request_id: &RequestId, body: &Body) -> Bytes {
    let wire = WireCommand {
        session: request_id.session,
        sequence: request_id.sequence,
        settled_below: request_id.settled_below,
        body: Some(from_body(body)),
    };
    wire.encode_to_vec().into()
}

/// Reads what [`encode_body`] wrote.
pub fn decode_body(bytes: &Bytes) -> Result<(RequestId, Body), WireError> {
    let wire = WireCommand::decode(bytes.clone())?;
    let WireCommand { session, sequence, settled_below, body } = wire;
    let body = into_body(body.ok_or(WireError::Missing("body"))?)?;
    Ok((RequestId { session, sequence, settled_below }, body))
}

fn from_body(body: &Body) -> WireBody {
    match body {
        Body::Txn(txn) => WireBody::Txn(from_txn(txn)),
        Body::Compact { revision } => WireBody::Compact(*revision),
        Body::LeaseGrant { id, ttl_ms } => WireBody::LeaseGrant(WireLeaseGrant { id: *id, ttl_ms: *ttl_ms }),
        Body::LeaseRenew { id } => WireBody::LeaseRenew(*id),
        Body::LeaseRevoke { id } => WireBody::LeaseRevoke(*id),
    }
}

fn into_body(wire: WireBody) -> Result<Body, WireError> {
    Ok(match wire {
        WireBody::Txn(txn) => Body::Txn(into_txn(&txn)?),
        WireBody::Compact(revision) => Body::Compact { revision },
        WireBody::LeaseGrant(WireLeaseGrant { id, ttl_ms }) => Body::LeaseGrant { id, ttl_ms },
        WireBody::LeaseRenew(id) => Body::LeaseRenew { id },
        WireBody::LeaseRevoke(id) => Body::LeaseRevoke { id },
    })
}

fn from_txn(txn: &Txn) -> WireTxn {
    WireTxn {
        compares: txn.compares.iter().map(from_compare).collect(),
        success: txn.success.iter().map(from_op).collect(),
        failure: txn.failure.iter().map(from_op).collect(),
    }
}

fn into_txn(wire: &WireTxn) -> Result<Txn, WireError> {
    Ok(Txn {
        compares: wire.compares.iter().map(into_compare).collect::<Result<_, _>>()?,
        success: wire.success.iter().map(into_op).collect::<Result<_, _>>()?,
        failure: wire.failure.iter().map(into_op).collect::<Result<_, _>>()?,
    })
}

fn from_compare(compare: &Compare) -> WireCompare {
    let (key, test) = match compare {
        Compare::Absent { key } => (key, WireTest::Exists(false)),
        Compare::Exists { key } => (key, WireTest::Exists(true)),
        Compare::ModRevision { key, revision } => (key, WireTest::ModRevision(*revision)),
        Compare::Version { key, version } => (key, WireTest::Version(*version)),
        Compare::Value { key, value } => (key, WireTest::Value(value.clone())),
    };
    WireCompare { key: key.clone(), test: Some(test) }
}

fn into_compare(wire: &WireCompare) -> Result<Compare, WireError> {
    let key = owned(&wire.key);
    Ok(match wire.test.as_ref().ok_or(WireError::Missing("comparison"))? {
        WireTest::Exists(false) => Compare::Absent { key },
        WireTest::Exists(true) => Compare::Exists { key },
        WireTest::ModRevision(revision) => Compare::ModRevision { key, revision: *revision },
        WireTest::Version(version) => Compare::Version { key, version: *version },
        WireTest::Value(value) => Compare::Value { key, value: owned(value) },
    })
}

fn from_op(op: &Op) -> WireOp {
    let step = match op {
        Op::Put { key, value, lease } => {
            WireStep::Put(WirePut { key: key.clone(), value: value.clone(), lease: *lease })
        }
        Op::Delete { key } => WireStep::Delete(key.clone()),
        Op::DeletePrefix { prefix } => WireStep::DeletePrefix(prefix.clone()),
        Op::Get { key } => WireStep::Get(key.clone()),
    };
    WireOp { step: Some(step) }
}

fn into_op(wire: &WireOp) -> Result<Op, WireError> {
    Ok(match wire.step.as_ref().ok_or(WireError::Missing("operation"))? {
        WireStep::Put(put) => Op::Put { key: owned(&put.key), value: owned(&put.value), lease: put.lease },
        WireStep::Delete(key) => Op::Delete { key: owned(key) },
        WireStep::DeletePrefix(prefix) => Op::DeletePrefix { prefix: owned(prefix) },
        WireStep::Get(key) => Op::Get { key: owned(key) },
    })
}
