//! What one command may cost, on every replica alike.
//!
//! Commands are applied one after the other, so whatever one takes, all others wait for. How many operations and bytes
//! a command has is its proposer's to bound; here is bounded what it makes the machine do.

use crate::model::{Op, Txn};
use crate::rejection::Rejection;

/// How deep transactions may be nested; one without any inside is 1 deep.
pub const MAX_TXN_DEPTH: usize = 8;
/// How many keys the ranges of a transaction may read and delete together.
pub const MAX_RANGE_KEYS: u64 = 10_000;
/// How many bytes of keys and values a transaction may answer with.
pub const MAX_ANSWER_BYTES: u64 = 4 << 20;
/// How many keys may go with one lease: all of them go in one revision.
pub const MAX_LEASE_KEYS: usize = 10_000;
/// A larger answer is given once, and not kept for those who ask again.
pub const KEPT_ANSWER_BYTES: u64 = 16 << 10;
/// What one command compacts, at most, counted in keys and in 4 KiB of forgotten values.
pub const COMPACTION_STEP: u64 = 2_000;

impl Txn {
    /// Its operations, whichever way it goes, without those of nested transactions.
    pub fn ops(&self) -> impl Iterator<Item = &Op> {
        self.success.iter().chain(&self.failure)
    }

    /// This transaction and all those nested in it, each before those in it.
    pub fn with_nested(&self) -> Vec<&Txn> {
        let nested = self.ops().filter_map(|op| if let Op::Txn(nested) = op { Some(nested) } else { None });
        std::iter::once(self).chain(nested.flat_map(Txn::with_nested)).collect()
    }

    /// Refuses what no state could run: an empty key, and too deep a nest. Everything that walks a transaction comes after.
    pub fn check_shape(&self) -> Result<(), Rejection> {
        self.check_shape_at(1)
    }

    fn check_shape_at(&self, depth: usize) -> Result<(), Rejection> {
        if depth > MAX_TXN_DEPTH {
            return Err(Rejection::TooDeep { depth: depth as u64, limit: MAX_TXN_DEPTH as u64 });
        }
        if self.compares.iter().any(|compare| compare.key.is_empty()) {
            return Err(Rejection::EmptyKey);
        }
        self.ops().try_for_each(|op| match op {
            Op::Put { key, .. } | Op::Delete { key } | Op::Get { key } if key.is_empty() => Err(Rejection::EmptyKey),
            Op::Txn(nested) => nested.check_shape_at(depth + 1),
            _ => Ok(()),
        })
    }
}

/// What is left to a transaction that runs.
#[derive(Debug)]
pub(crate) struct Budget {
    keys: u64,
    bytes: u64,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { keys: MAX_RANGE_KEYS, bytes: MAX_ANSWER_BYTES }
    }
}

impl Budget {
    /// A range has come to another key.
    pub(crate) fn take_key(&mut self) -> Result<(), Rejection> {
        let left = self.keys.checked_sub(1);
        self.keys = left.ok_or(Rejection::RangeTooLarge { limit: MAX_RANGE_KEYS })?;
        Ok(())
    }

    /// So many bytes more are answered.
    pub(crate) fn take_bytes(&mut self, bytes: u64) -> Result<(), Rejection> {
        let left = self.bytes.checked_sub(bytes);
        let size = MAX_ANSWER_BYTES - self.bytes + bytes;
        self.bytes = left.ok_or(Rejection::AnswerTooLarge { size, limit: MAX_ANSWER_BYTES })?;
        Ok(())
    }
}
