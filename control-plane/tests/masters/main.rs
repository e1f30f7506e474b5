//! Real masters in one process: real TLS, real Raft, real disks, on loopback.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod aggregation;
mod cluster;
mod compatibility;
mod contract;
mod fake_node;
mod joining;
mod operations;
mod proxy;
mod single;
mod support;
mod webhooks;
