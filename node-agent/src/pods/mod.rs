//! Pods: one task each, which takes what the plan decides and does it.
//!
//! ```text
//! link ──Work (bounded)──▶ Pods ──Desired (watch, latest wins)──▶ Worker, one a pod ──▶ steps
//!                            │                                        │
//!                            └─ streams ◀── Observed (watch) ─────────┴──▶ Uplink (status, events)
//! ```

mod adopt;
mod manager;
mod state;
mod worker;

#[cfg(test)]
mod tests;

pub use adopt::{AdoptError, adopt};
pub use manager::{PodView, Pods};
pub use state::{SavedPod, StateError};
