//! The deterministic MVCC state machine.
