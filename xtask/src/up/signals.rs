//! Ctrl-C: waits end at once, and everything that was started is stopped in order.

use std::sync::mpsc::{Receiver, channel};

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal};
use xebec_integration_tests::wait;

/// The signals that ask us to stop, from `catch` on.
pub(super) struct Signals {
    asked: Receiver<()>,
}

impl Signals {
    /// Must run before any other thread starts: threads inherit the mask. Programs that are started do not, the standard library
    /// sees to that.
    pub(super) fn catch() -> Result<Signals> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGINT);
        signals.add(Signal::SIGTERM);
        signals.thread_block().context("block signals")?;
        let (ask, asked) = channel();
        std::thread::spawn(move || {
            // Only an invalid set makes this fail, and then there is nothing to wait for.
            if signals.wait().is_ok() {
                wait::interrupt();
                // Nobody may be waiting any more; then there is nobody to tell.
                ask.send(()).unwrap_or_default();
            }
        });
        Ok(Signals { asked })
    }

    /// Returns when one has come.
    pub(super) fn wait(&self) {
        // An error means that the thread has ended, which it does only after a signal.
        self.asked.recv().unwrap_or_default();
    }
}
