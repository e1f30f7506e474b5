//! Waiting for SIGTERM. Process 1 of a container gets no default action, so the signal is blocked and then waited for.

use nix::sys::signal::{SigSet, Signal};

/// Must run before any thread starts: threads inherit the mask.
pub(crate) fn block() -> std::io::Result<SigSet> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals.thread_block()?;
    Ok(signals)
}

/// Returns when one of the blocked signals has come.
pub(crate) fn wait(signals: &SigSet) -> std::io::Result<()> {
    signals.wait()?;
    Ok(())
}
