//! Faults that are put in on purpose, at the simulation's edge, to show that its checks find them.

/// A fault of a kind that stores have had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Reads that should be linearizable are answered from the member's own state.
    StaleRead,
    /// The disk says that it has synced, and has not.
    SkippedSync,
    /// A watcher is not given one revision in fifty.
    DroppedEvent,
    /// A peer that cannot be reached counts as one that has written: a majority is one too few.
    ShortQuorum,
    /// A watcher that asks for history that is gone is given what is left, and not told.
    CompactionGap,
}
