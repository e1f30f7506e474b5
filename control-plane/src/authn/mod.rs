//! Who is asking.
//!
//! ```text
//!  client certificate (verified by TLS) ─► certificate ─► credentials: bound to its node? ──────────┐
//!  Authorization: Bearer … ─► bearer ─┬─► service_account: signature, dates, bound objects ─────────┼─► User ─► impersonation
//!                                     └─► bootstrap_token: a Secret in kube-system ─────────────────┘
//! ```
//!
//! The gate asks the [`Authenticator`] about every request, and hangs the [`User`] on it.

pub mod authenticator;
pub mod bearer;
pub mod bootstrap_token;
pub mod certificate;
pub mod credentials;
pub mod impersonation;
pub mod jwt;
pub mod service_account;
pub mod user;

pub use authenticator::{Authenticator, Impersonator};
pub use user::User;
