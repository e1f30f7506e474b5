//! Ctrl-C: waits end at once, and everything that was started is stopped in order.

use std::sync::mpsc::{Receiver, channel};

use anyhow::{Context, Result};
use xebec_integration_tests::wait;

/// The signals that ask us to stop (SIGINT, SIGTERM, SIGHUP), from `catch` on.
pub(super) struct Signals {
    asked: Receiver<()>,
}

impl Signals {
    /// They are handled, not blocked: a mask would be inherited by every program started from here.
    pub(super) fn catch() -> Result<Signals> {
        let (ask, asked) = channel();
        ctrlc::set_handler(move || {
            wait::interrupt();
            // Nobody may be waiting any more; then there is nobody to tell.
            ask.send(()).unwrap_or_default();
        })
        .context("handle signals")?;
        Ok(Signals { asked })
    }

    /// Returns when one has come.
    pub(super) fn wait(&self) {
        // The sender lives as long as the process, so this is never an error.
        self.asked.recv().unwrap_or_default();
    }
}
