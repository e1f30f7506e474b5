//! Real masters in one process: real TLS, real Raft, real disks, on loopback.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod cluster;
mod contract;
mod joining;
mod operations;
mod single;
mod support;
mod webhooks;
