//! Whole clusters on one machine: every host a network namespace, every process and container real.
//!
//! This library builds them; `tests/cluster` plays scenarios on them, and `cargo xtask up` shows one to a newcomer. It knows the
//! product only from outside: a binary with flags, a kubeconfig, two ports. No crate of the product is among its dependencies, so
//! nothing here can look behind the API.
//!
//! ```text
//!   machine ── veth ──┐
//!                     │    bridge, in a namespace of its own
//!   m1 m2 m3 w1 w2 ───┘    each host: a network namespace, own address, default route,
//!                          own data directory, own containerd, own cgroup root
//! ```
//!
//! Everything is synchronous: a test waits for one thing at a time, with a deadline.

pub mod artifacts;
pub mod cleanup;
pub mod cli;
pub mod clients;
pub mod cluster;
pub mod command;
pub mod containers;
pub mod hosts;
pub mod http;
pub mod images;
pub mod mask;
pub mod plans;
pub mod process;
pub mod record;
pub mod rest;
pub mod shop;
pub mod wait;
