//! Real masters in one process: real TLS, real Raft, real disks, on loopback.

mod cluster;
mod joining;
mod single;
mod support;
