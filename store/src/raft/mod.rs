//! The one place that knows openraft: its types, and our log, state machine and network in the shapes it wants.

mod board;
pub(crate) mod codec;
mod config;
mod log;
mod machine;
pub(crate) mod metrics;
mod network;
mod pipeline;
#[cfg(test)]
mod suite;
pub(crate) mod types;

pub(crate) use board::{Board, Happened, Image};
pub(crate) use config::raft_config;
pub(crate) use log::RaftLog;
pub(crate) use machine::{Machine, replay};
pub(crate) use network::LinkFactory;
