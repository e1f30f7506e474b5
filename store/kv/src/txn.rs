//! Transactions: compare, then run operations on an overlay, then write the overlay as one revision.
//!
//! A key that one transaction touches several times gets one version and one event, of its last value. Whatever cannot be
//! run to its end is not run at all.

use crate::limits::Budget;
use crate::model::{Event, Op, OpResponse, Outcome, RangeRead, Txn, TxnOutcome};
use crate::overlay::{Overlay, Writes};
use crate::rejection::Rejection;
use crate::state::State;

impl State {
    pub(crate) fn run_txn(&mut self, txn: &Txn) -> (Outcome, Vec<Event>) {
        match self.try_txn(txn) {
            Ok((succeeded, responses, writes)) => {
                let events = writes.commit(self);
                (Outcome::Txn(TxnOutcome { succeeded, revision: self.revision, responses }), events)
            }
            Err(rejection) => (Outcome::Rejected(rejection), Vec::new()),
        }
    }

    fn try_txn(&self, txn: &Txn) -> Result<(bool, Vec<OpResponse>, Writes), Rejection> {
        txn.check_shape()?;
        let mut run = Run { base: self, overlay: Overlay::new(self), budget: Budget::default() };
        let (succeeded, responses) = run.txn(txn)?;
        Ok((succeeded, responses, run.overlay.finish()))
    }
}

/// A transaction that runs, with all that is nested in it.
struct Run<'a> {
    base: &'a State,
    overlay: Overlay<'a>,
    budget: Budget,
}

impl Run<'_> {
    fn txn(&mut self, txn: &Txn) -> Result<(bool, Vec<OpResponse>), Rejection> {
        let succeeded = txn.compares.iter().all(|compare| compare.holds(self.base.get(&compare.key).as_ref()));
        let ops = if succeeded { &txn.success } else { &txn.failure };
        let responses = ops.iter().map(|op| self.op(op)).collect::<Result<_, _>>()?;
        Ok((succeeded, responses))
    }

    fn op(&mut self, op: &Op) -> Result<OpResponse, Rejection> {
        Ok(match op {
            Op::Put { key, value, lease } => {
                self.base.check_lease(*lease, key)?;
                self.overlay.put(key, value, *lease);
                OpResponse::Put
            }
            Op::Delete { key } => OpResponse::Deleted { count: u64::from(self.overlay.delete(key)) },
            Op::DeleteRange { range } => {
                let budget = &mut self.budget;
                let found = self.overlay.scan(range).map(|kv| budget.take_key().map(|()| kv.key));
                let keys: Vec<_> = found.collect::<Result<_, _>>()?;
                let count = keys.iter().filter(|key| self.overlay.delete(key)).count();
                OpResponse::Deleted { count: count as u64 }
            }
            Op::Get { key } => {
                let current = self.overlay.get(key);
                self.budget.take_bytes(current.as_ref().map_or(0, |kv| kv.bytes()))?;
                OpResponse::Get { current }
            }
            Op::Range(read) => self.range(read)?,
            Op::Txn(nested) => {
                let (succeeded, responses) = self.txn(nested)?;
                OpResponse::Txn { succeeded, responses }
            }
        })
    }

    fn range(&mut self, read: &RangeRead) -> Result<OpResponse, Rejection> {
        match read.revision {
            0 => page(self.overlay.scan(&read.range), read.limit, &mut self.budget),
            revision => page(self.base.scan_at(&read.range, revision)?, read.limit, &mut self.budget),
        }
    }
}

/// The first so many of what is found.
fn page(
    mut found: impl Iterator<Item = crate::KeyValue>,
    limit: u64,
    budget: &mut Budget,
) -> Result<OpResponse, Rejection> {
    let mut items = Vec::new();
    while limit == 0 || (items.len() as u64) < limit {
        let Some(kv) = found.next() else { return Ok(OpResponse::Range { items, more: false }) };
        budget.take_key()?;
        budget.take_bytes(kv.bytes())?;
        items.push(kv);
    }
    Ok(OpResponse::Range { items, more: found.next().is_some() })
}
