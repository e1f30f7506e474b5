//! How much may be asked at once, and how large.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use xebec_kv::{Compare, Op, Operand, RangeRead, Txn};

use crate::config::Tuning;
use crate::error::StoreError;

/// Bytes are counted in units of this size, so that a semaphore can hold them.
const UNIT: usize = 1024;
/// Longest command: with its place and time it fits into a record of the log, and with others into a message.
const MAX_COMMAND: usize = 31 << 20;
/// Longest key; with it, everything else in a record is bounded.
const MAX_KEY: usize = 4096;

/// Bounds on what this member has under way.
pub(crate) struct Limits {
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    max_value: usize,
    max_txn: usize,
    max_ops: usize,
}

/// A place among the proposals under way.
pub(crate) struct Admitted {
    _request: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Limits {
    pub(crate) fn new(tuning: &Tuning) -> Limits {
        Limits {
            requests: Arc::new(Semaphore::new(tuning.max_inflight)),
            bytes: Arc::new(Semaphore::new(tuning.max_inflight_bytes / UNIT)),
            max_value: tuning.max_value_bytes,
            max_txn: tuning.max_txn_bytes,
            max_ops: tuning.max_txn_ops,
        }
    }

    /// Admits a command or refuses at once: waiting here would only hide the overload.
    pub(crate) fn admit(&self, bytes: usize) -> Result<Admitted, StoreError> {
        check_command(bytes)?;
        let units = u32::try_from(bytes / UNIT + 1).map_err(|_| StoreError::Overloaded)?;
        let request = self.requests.clone().try_acquire_owned().map_err(|_| StoreError::Overloaded)?;
        let bytes = self.bytes.clone().try_acquire_many_owned(units).map_err(|_| StoreError::Overloaded)?;
        Ok(Admitted { _request: request, _bytes: bytes })
    }

    /// Refuses transactions that are too large, or that no state could run.
    pub(crate) fn check(&self, txn: &Txn) -> Result<(), StoreError> {
        txn.check_shape()?;
        let (mut count, mut bytes) = (0, 0);
        for txn in txn.with_nested() {
            count += txn.compares.len() + txn.success.len() + txn.failure.len();
            for (key, value) in txn.compares.iter().map(parts_of_compare).chain(txn.ops().map(parts_of_op)) {
                within("a key", key, MAX_KEY)?;
                within("a value", value, self.max_value)?;
                bytes += key + value;
            }
        }
        within("the number of operations", count, self.max_ops)?;
        within("the transaction", bytes, self.max_txn)
    }
}

/// Refuses a command that another member has let pass: it must fit into a record of the log.
fn check_command(bytes: usize) -> Result<(), StoreError> {
    if bytes > MAX_COMMAND { Err(command_too_large(bytes, MAX_COMMAND)) } else { Ok(()) }
}

pub(crate) fn command_too_large(size: usize, limit: usize) -> StoreError {
    StoreError::TooLarge { what: "the command", size, limit }
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size > limit { Err(StoreError::TooLarge { what, size, limit }) } else { Ok(()) }
}

fn parts_of_compare(compare: &Compare) -> (usize, usize) {
    match &compare.operand {
        Operand::Value(value) => (compare.key.len(), value.len()),
        _ => (compare.key.len(), 0),
    }
}

/// The longest key and the longest value.
fn parts_of_op(op: &Op) -> (usize, usize) {
    match op {
        Op::Put { key, value, .. } => (key.len(), value.len()),
        Op::Delete { key } | Op::Get { key } => (key.len(), 0),
        Op::DeleteRange { range } | Op::Range(RangeRead { range, .. }) => {
            (range.start().len().max(range.end().map_or(0, Bytes::len)), 0)
        }
        Op::Txn(_) => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: usize, value: usize) -> Txn {
        let op = Op::Put { key: vec![b'k'; key].into(), value: Bytes::from(vec![0; value]), lease: 0 };
        Txn { success: vec![op], ..Txn::default() }
    }

    #[test]
    fn what_is_too_large_is_named() {
        let tuning = Tuning::default();
        let limits = Limits::new(&tuning);
        assert!(limits.check(&put(10, tuning.max_value_bytes)).is_ok());
        let refused = |txn: &Txn| limits.check(txn).unwrap_err().to_string();
        assert_eq!(refused(&put(10, tuning.max_value_bytes + 1)), "a value is 1572865, more than the limit of 1572864");
        assert_eq!(refused(&put(4097, 1)), "a key is 4097, more than the limit of 4096");
        let many = Txn { success: vec![Op::Get { key: Bytes::from_static(b"k") }; 1025], ..Txn::default() };
        assert_eq!(refused(&many), "the number of operations is 1025, more than the limit of 1024");
        let half = Txn { success: vec![Op::Get { key: Bytes::from_static(b"k") }; 512], ..Txn::default() };
        let nested = Txn { success: vec![Op::Txn(half.clone())], failure: half.success, ..Txn::default() };
        assert_eq!(refused(&nested), "the number of operations is 1025, more than the limit of 1024");
        assert_eq!(
            check_command(40 << 20).unwrap_err().to_string(),
            "the command is 41943040, more than the limit of 32505856"
        );
    }

    #[test]
    fn overload_is_refused_and_ends() {
        let limits = Limits::new(&Tuning { max_inflight: 2, max_inflight_bytes: 10 << 10, ..Tuning::default() });
        let first = limits.admit(100).unwrap();
        let _second = limits.admit(100).unwrap();
        assert!(matches!(limits.admit(100), Err(StoreError::Overloaded)));
        drop(first);
        assert!(matches!(limits.admit(20 << 10), Err(StoreError::Overloaded)), "bytes count too");
        assert!(limits.admit(100).is_ok());
    }
}
