//! When to end.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

/// The signals that ask for an orderly end, caught from now on.
pub(super) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// Catches them: a signal that comes while the daemon still starts is not lost.
    pub(super) fn catch() -> Result<Signals> {
        let catch = |kind| signal(kind).context("catch signals");
        Ok(Signals { terminate: catch(SignalKind::terminate())?, interrupt: catch(SignalKind::interrupt())? })
    }

    /// Returns when one has come. A second one, during an end that takes too long, ends the process at once.
    pub(super) async fn wait(mut self) {
        self.next().await;
        tracing::info!("asked to end");
        tokio::spawn(async move {
            self.next().await;
            tracing::warn!("asked again: ending at once");
            std::process::exit(1);
        });
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
