//! Whole stores, over loopback and TLS.

mod certificates;
mod cluster;
mod fleet;
mod operations;
mod single;
mod watch;
