//! Room on the disk: an alarm before there is none.
//!
//! Below the reserve, whatever makes the state grow is refused where it would enter the log, on the leader; reads and
//! deletes go on, because the reserve and the log's ready segments have room for them. The alarm is also raised when the
//! log could not make its next segment, and ends by itself when there is room again (a little more than the reserve, so
//! that it does not flap).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use xebec_kv::{Body, Op, Txn};

use crate::disk::Disk;
use crate::error::StoreError;

/// Looks at the disk while as much as the reserve is written.
const LOOKS: u64 = 8;

/// Room on one member's disk.
pub(crate) struct Space {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    reserve: u64,
    free: AtomicU64,
    short: AtomicBool,
    /// Bytes proposed since the last look.
    spent: AtomicU64,
    /// Stands for the disk's answer when it is not `u64::MAX`.
    #[cfg(test)]
    pretended: AtomicU64,
}

impl Space {
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: &Path, reserve: u64) -> Space {
        let space = Space {
            disk,
            dir: dir.to_owned(),
            reserve,
            free: AtomicU64::new(u64::MAX),
            short: AtomicBool::new(false),
            spent: AtomicU64::new(0),
            #[cfg(test)]
            pretended: AtomicU64::new(u64::MAX),
        };
        space.look(false);
        space
    }

    /// Looks at the disk. `log_waits`: the log cannot make its next segment.
    pub(crate) fn look(&self, log_waits: bool) {
        self.spent.store(0, Ordering::Relaxed);
        let Some(free) = self.ask() else { return };
        self.free.store(free, Ordering::Relaxed);
        let before = self.short();
        let now = log_waits || is_short(before, free, self.reserve);
        self.short.store(now, Ordering::Relaxed);
        if now && !before {
            tracing::error!(
                dir = %self.dir.display(), free, reserve = self.reserve, log_waits,
                "the disk is nearly full: writes are refused, deletes are taken; free space on it"
            );
        }
        if before && !now {
            tracing::warn!(dir = %self.dir.display(), free, "there is space again: writes are taken");
        }
    }

    /// So many bytes are about to be written. Between the looks of the clock, much may be: an eighth of the reserve is
    /// looked after at once.
    pub(crate) fn spend(&self, bytes: u64) {
        let spent = self.spent.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if spent > self.reserve / LOOKS && !self.short() {
            self.look(false);
        }
    }

    /// Whether the alarm is on.
    pub(crate) fn short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// Free bytes, when last looked at.
    pub(crate) fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    /// Refuses what would make the state grow while the alarm is on.
    pub(crate) fn check(&self, body: impl FnOnce() -> Option<Body>, frees: bool) -> Result<(), StoreError> {
        if !self.short() || frees || body().is_none_or(|body| !grows(&body)) {
            return Ok(());
        }
        Err(StoreError::NoSpace)
    }

    fn ask(&self) -> Option<u64> {
        #[cfg(test)]
        if self.pretended.load(Ordering::Relaxed) != u64::MAX {
            return Some(self.pretended.load(Ordering::Relaxed));
        }
        let free = self.disk.free(&self.dir);
        let free = free.inspect_err(|error| {
            tracing::warn!(%error, dir = %self.dir.display(), "cannot tell how much space is free");
        });
        free.ok()
    }

    /// The disk answers so from now on; `u64::MAX`: it is asked again.
    #[cfg(test)]
    pub(crate) fn pretend(&self, free: u64) {
        self.pretended.store(free, Ordering::Relaxed);
        self.look(false);
    }
}

/// Below the reserve; once raised, until a fifth more than it is free.
fn is_short(before: bool, free: u64, reserve: u64) -> bool {
    free < if before { reserve.saturating_add(reserve / 5) } else { reserve }
}

/// Whether a command adds to the state. Deletes, compaction and the end of leases do not.
fn grows(body: &Body) -> bool {
    match body {
        Body::Txn(txn) => puts(txn),
        Body::LeaseGrant { .. } => true,
        Body::Compact { .. } | Body::LeaseRenew { .. } | Body::LeaseRevoke { .. } | Body::HashCheck { .. } => false,
    }
}

fn puts(txn: &Txn) -> bool {
    txn.with_nested().iter().any(|txn| txn.ops().any(|op| matches!(op, Op::Put { .. })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn the_alarm_is_raised_below_the_reserve_and_ends_above_it() {
        let steps = [(false, 100, false), (false, 99, true), (true, 100, true), (true, 119, true), (true, 120, false)];
        for (before, free, expect) in steps {
            assert_eq!(is_short(before, free, 100), expect, "{before} {free}");
        }
    }

    #[test]
    fn only_what_grows_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let space = Space::new(Arc::new(crate::disk::RealDisk), dir.path(), 1000);
        let key = Bytes::from_static(b"/k");
        let txn = |op: Op| Some(Body::Txn(Txn { success: vec![op], ..Txn::default() }));
        let put = || txn(Op::Put { key: key.clone(), value: key.clone(), lease: 0 });
        assert!(space.check(put, false).is_ok());
        space.pretend(999);
        assert!(matches!(space.check(put, false), Err(StoreError::NoSpace)));
        assert!(space.check(put, true).is_ok(), "what leads to a delete");
        assert!(space.check(|| txn(Op::Delete { key: key.clone() }), false).is_ok());
        assert!(space.check(|| Some(Body::Compact { revision: 1 }), false).is_ok());
        space.pretend(1200);
        assert!(space.check(put, false).is_ok());
        space.look(true);
        assert!(space.check(put, false).is_err(), "the log waits for room");
    }

    #[test]
    fn much_that_is_written_is_looked_after_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let space = Space::new(Arc::new(crate::disk::RealDisk), dir.path(), 1000);
        space.pretended.store(999, Ordering::Relaxed);
        space.spend(125);
        assert!(!space.short(), "not yet");
        space.spend(1);
        assert!(space.short());
    }
}
