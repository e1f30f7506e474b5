//! What happens now, and how long it took to get here.

use std::time::Instant;

/// A clock that speaks.
pub(super) struct Progress {
    started: Instant,
}

impl Progress {
    pub(super) fn start() -> Progress {
        Progress { started: Instant::now() }
    }

    pub(super) fn step(&self, what: &str) {
        eprintln!("[{:6.1} s] {what}", self.started.elapsed().as_secs_f64());
    }
}
