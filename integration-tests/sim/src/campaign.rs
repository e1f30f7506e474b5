//! Seed after seed, as many as there is time for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::simulation::{Report, Scenario};

/// Which seeds, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// The first seed; the next ones follow.
    pub first: u64,
    /// No seed is begun after so long.
    pub lasts: Duration,
}

impl Campaign {
    /// Runs seeds on all processors; `heard` gets each report when it is there. Gives all that have violations.
    pub fn run(self, heard: impl Fn(&Report) + Sync) -> Vec<Report> {
        let (next, end) = (AtomicU64::new(self.first), Instant::now() + self.lasts);
        let failed = Mutex::new(Vec::new());
        let work = || {
            while Instant::now() < end {
                let report = Scenario::of(next.fetch_add(1, Ordering::Relaxed)).run();
                heard(&report);
                let bad = Some(report).filter(|report| !report.violations.is_empty());
                failed.lock().unwrap_or_else(PoisonError::into_inner).extend(bad);
            }
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| (0..processors).for_each(|_| drop(scope.spawn(work))));
        failed.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
