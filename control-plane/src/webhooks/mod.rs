//! Servers of others that a master asks over HTTPS: those of admission webhooks, and those that convert custom objects.
//!
//! An [`Endpoint`] is what a `clientConfig` says, read once; a [`Client`] asks it. A question is a POST with a body of JSON, and so is
//! its answer:
//!
//! ```text
//!  question ─► a place among those that ask (else: wait) ─► a connection (kept, or dialled and shaken hands on) ─► answer, read up to a bound
//!              └──────────────────────────────────── all of it before the deadline ────────────────────────────────────┘
//! ```
//!
//! What is never done: follow a redirect, speak without TLS, show a credential of the master's, or dial an address that only the
//! master's own link can reach, such as that of a cloud's metadata.

mod client;
mod endpoint;
mod error;
#[cfg(test)]
mod tests;

pub use client::Client;
pub use endpoint::{Endpoint, Place};
pub use error::{AskError, EndpointError};
