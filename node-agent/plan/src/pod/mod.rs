//! A pod's life on its node, as an explicit state machine.
//!
//! ```text
//!            volumes, sandbox        init containers         all containers for good
//! Preparing ─────────────────▶ Initialising ──────▶ Running ─────────────┐
//!     │                             │                  │                 ▼
//!     └────────── deleted, removed, deadline ──────────┴──────────▶ Stopping ──▶ Releasing ──▶ Released ──▶ Forgotten
//! ```
//!
//! [`observed::Observed`] is everything the agent knows of the pod; [`observed::Observed::record`] folds in what happened.
//! [`lifecycle::plan`] gives the actions that are due now and when to ask again. [`status::status`] derives what users see.
//! All of it can be repeated: planning twice without a change gives the same actions.

pub mod action;
pub mod conditions;
pub mod containers;
pub mod event;
pub mod lifecycle;
pub mod observed;
pub mod phase;
pub mod stage;
pub mod status;
pub mod stop;

#[cfg(test)]
mod scenarios;
