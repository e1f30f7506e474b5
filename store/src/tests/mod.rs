//! Whole stores, over loopback and TLS.

mod certificates;
mod cluster;
mod fleet;
mod limits;
mod operations;
mod order;
mod single;
mod watch;
