//! Waiting for a condition, with a deadline, and with the last reason why it did not hold.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Between two looks. A look is often a process started, so it is not shorter.
const INTERVAL: Duration = Duration::from_millis(100);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Ends every wait, now and from now on: somebody pressed Ctrl-C.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// Whether somebody did.
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Tries `look` until it succeeds or `within` has passed; its last error is then the cause.
pub fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    loop {
        if is_interrupted() {
            bail!("interrupted while waiting for {what}");
        }
        match look() {
            Ok(seen) => return Ok(seen),
            Err(reason) if started.elapsed() >= within => {
                return Err(reason).with_context(|| format!("waited {:.0} s for {what}", within.as_secs_f64()));
            }
            Err(_) => std::thread::sleep(INTERVAL),
        }
    }
}
