//! The store beside etcd.
//!
//! ```text
//!  report ── load ── client ──HTTP/2──► xebec-store-member (member/)   three of them, or one
//!             │                    └──► etcd                           likewise
//!            rig: starts and stops both on the same disk
//! ```
//!
//! The member speaks as much of etcd's protocol as the load needs (`wire/`), so one client, byte for byte, drives both.

pub mod client;
pub mod load;
pub mod member;
pub mod report;
pub mod rig;
pub mod wire;
