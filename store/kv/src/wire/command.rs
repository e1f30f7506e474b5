//! Commands as bytes. The leader's time stamp travels beside them, so that forwarding does not encode twice.

use bytes::Bytes;
use prost::{Message, Oneof};

use super::{WireError, owned};
use crate::compare::{Compare, Operand, Relation};
use crate::keys::KeyRange;
use crate::model::{Body, Op, RangeRead, RequestId, Txn};

#[derive(Clone, PartialEq, Message)]
struct WireCommand {
    #[prost(fixed64, tag = "1")]
    session: u64,
    #[prost(uint64, tag = "2")]
    sequence: u64,
    #[prost(uint64, tag = "3")]
    settled_below: u64,
    #[prost(oneof = "WireBody", tags = "4, 5, 6, 7, 8, 9")]
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
    #[prost(fixed64, tag = "9")]
    HashCheck(u64),
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
    #[prost(enumeration = "WireRelation", tag = "6")]
    relation: i32,
    #[prost(oneof = "WireOperand", tags = "3, 4, 5, 7, 8")]
    operand: Option<WireOperand>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
enum WireRelation {
    Equal = 0,
    NotEqual = 1,
    Less = 2,
    Greater = 3,
}

#[derive(Clone, PartialEq, Oneof)]
enum WireOperand {
    #[prost(uint64, tag = "3")]
    ModRevision(u64),
    #[prost(uint64, tag = "4")]
    Version(u64),
    #[prost(bytes = "bytes", tag = "5")]
    Value(Bytes),
    #[prost(uint64, tag = "7")]
    CreateRevision(u64),
    #[prost(uint64, tag = "8")]
    Lease(u64),
}

#[derive(Clone, PartialEq, Message)]
struct WireOp {
    #[prost(oneof = "WireStep", tags = "1, 2, 4, 5, 6, 7")]
    step: Option<WireStep>,
}

#[derive(Clone, PartialEq, Oneof)]
enum WireStep {
    #[prost(message, tag = "1")]
    Put(WirePut),
    #[prost(bytes = "bytes", tag = "2")]
    Delete(Bytes),
    #[prost(bytes = "bytes", tag = "4")]
    Get(Bytes),
    #[prost(message, tag = "5")]
    DeleteRange(WireKeyRange),
    #[prost(message, tag = "6")]
    Range(WireRangeRead),
    #[prost(message, tag = "7")]
    Txn(WireTxn),
}

#[derive(Clone, PartialEq, Message)]
struct WireKeyRange {
    #[prost(bytes = "bytes", tag = "1")]
    start: Bytes,
    #[prost(bytes = "bytes", optional, tag = "2")]
    end: Option<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct WireRangeRead {
    #[prost(message, optional, tag = "1")]
    range: Option<WireKeyRange>,
    #[prost(uint64, tag = "2")]
    limit: u64,
    #[prost(uint64, tag = "3")]
    revision: u64,
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
        Body::HashCheck { id } => WireBody::HashCheck(*id),
    }
}

fn into_body(wire: WireBody) -> Result<Body, WireError> {
    Ok(match wire {
        WireBody::Txn(txn) => Body::Txn(into_txn(&txn)?),
        WireBody::Compact(revision) => Body::Compact { revision },
        WireBody::LeaseGrant(WireLeaseGrant { id, ttl_ms }) => Body::LeaseGrant { id, ttl_ms },
        WireBody::LeaseRenew(id) => Body::LeaseRenew { id },
        WireBody::LeaseRevoke(id) => Body::LeaseRevoke { id },
        WireBody::HashCheck(id) => Body::HashCheck { id },
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
    let operand = match &compare.operand {
        Operand::CreateRevision(revision) => WireOperand::CreateRevision(*revision),
        Operand::ModRevision(revision) => WireOperand::ModRevision(*revision),
        Operand::Version(version) => WireOperand::Version(*version),
        Operand::Lease(lease) => WireOperand::Lease(*lease),
        Operand::Value(value) => WireOperand::Value(value.clone()),
    };
    let relation = match compare.relation {
        Relation::Equal => WireRelation::Equal,
        Relation::NotEqual => WireRelation::NotEqual,
        Relation::Less => WireRelation::Less,
        Relation::Greater => WireRelation::Greater,
    };
    WireCompare { key: compare.key.clone(), relation: relation.into(), operand: Some(operand) }
}

fn into_compare(wire: &WireCompare) -> Result<Compare, WireError> {
    let operand = match wire.operand.as_ref().ok_or(WireError::Missing("operand"))? {
        WireOperand::CreateRevision(revision) => Operand::CreateRevision(*revision),
        WireOperand::ModRevision(revision) => Operand::ModRevision(*revision),
        WireOperand::Version(version) => Operand::Version(*version),
        WireOperand::Lease(lease) => Operand::Lease(*lease),
        WireOperand::Value(value) => Operand::Value(owned(value)),
    };
    let relation = match WireRelation::try_from(wire.relation) {
        Ok(WireRelation::Equal) => Relation::Equal,
        Ok(WireRelation::NotEqual) => Relation::NotEqual,
        Ok(WireRelation::Less) => Relation::Less,
        Ok(WireRelation::Greater) => Relation::Greater,
        Err(_) => return Err(WireError::Missing("known relation")),
    };
    Ok(Compare { key: owned(&wire.key), relation, operand })
}

fn from_op(op: &Op) -> WireOp {
    let step = match op {
        Op::Put { key, value, lease } => {
            WireStep::Put(WirePut { key: key.clone(), value: value.clone(), lease: *lease })
        }
        Op::Delete { key } => WireStep::Delete(key.clone()),
        Op::DeleteRange { range } => WireStep::DeleteRange(from_range(range)),
        Op::Get { key } => WireStep::Get(key.clone()),
        Op::Range(RangeRead { range, limit, revision }) => {
            WireStep::Range(WireRangeRead { range: Some(from_range(range)), limit: *limit, revision: *revision })
        }
        Op::Txn(txn) => WireStep::Txn(from_txn(txn)),
    };
    WireOp { step: Some(step) }
}

fn into_op(wire: &WireOp) -> Result<Op, WireError> {
    Ok(match wire.step.as_ref().ok_or(WireError::Missing("operation"))? {
        WireStep::Put(put) => Op::Put { key: owned(&put.key), value: owned(&put.value), lease: put.lease },
        WireStep::Delete(key) => Op::Delete { key: owned(key) },
        WireStep::DeleteRange(range) => Op::DeleteRange { range: into_range(range) },
        WireStep::Get(key) => Op::Get { key: owned(key) },
        WireStep::Range(WireRangeRead { range, limit, revision }) => {
            let range = into_range(range.as_ref().ok_or(WireError::Missing("range"))?);
            Op::Range(RangeRead { range, limit: *limit, revision: *revision })
        }
        WireStep::Txn(txn) => Op::Txn(into_txn(txn)?),
    })
}

fn from_range(range: &KeyRange) -> WireKeyRange {
    WireKeyRange { start: range.start().clone(), end: range.end().cloned() }
}

fn into_range(wire: &WireKeyRange) -> KeyRange {
    match &wire.end {
        Some(end) => KeyRange::between(owned(&wire.start), owned(end)),
        None => KeyRange::from(owned(&wire.start)),
    }
}
