//! How masters and nodes join: tokens, the join request, what a joiner is given.
//!
//! ```text
//! joiner                                     any master
//!   │ TLS: the chain's CA has the token's hash?    │   (before anything is said: xebec_proto::join)
//!   │ ── Join { id, secret, role, name, CSRs } ──► │ limiter: too many failures from there?
//!   │                                              │ token: known, secret right, not expired, of this role?
//!   │                                              │ name: a DNS label that nobody has yet?
//!   │                                              │ CSRs: own name, no extensions
//!   │                                              │ name: bound to the key, by a guarded transaction
//!   │ ◄── certificates; for servers the CA keys ── │
//! ```
//!
//! Tokens live in the store under [`tokens::PREFIX`], a place that no API serves, as salted hashes.

pub mod admit;
pub mod limiter;
pub mod names;
pub mod record;
pub mod service;
pub mod tokens;
