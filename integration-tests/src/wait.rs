//! Waiting for a condition, with a deadline, and with the last reason why it did not hold.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Between two looks. A look is often a process started, so it is not shorter.
const INTERVAL: Duration = Duration::from_millis(100);

/// An error that waiting does not mend: a process that has ended, say.
#[derive(Debug)]
pub struct Hopeless(pub String);

impl std::fmt::Display for Hopeless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Hopeless {}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Ends every wait, now and until `resume`: somebody pressed Ctrl-C.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// Waits are waits again: those of stopping in order.
pub fn resume() {
    INTERRUPTED.store(false, Ordering::Relaxed);
}

/// Whether somebody did.
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Tries `look` until it succeeds, `within` has passed or it says that there is no hope; its last error is then the cause.
pub fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    loop {
        if is_interrupted() {
            bail!("interrupted while waiting for {what}");
        }
        match look() {
            Ok(seen) => return Ok(seen),
            Err(reason) if started.elapsed() >= within || reason.is::<Hopeless>() => {
                return Err(reason)
                    .with_context(|| format!("waited {:.0} s for {what}", started.elapsed().as_secs_f64()));
            }
            Err(_) => std::thread::sleep(INTERVAL),
        }
    }
}
