//! Doing what the plan says: containerd, netlink, nftables, volumes, logs, the session with the masters.

mod agent;
mod config;
pub mod containerd;
pub mod images;
pub mod link;
pub mod network;
pub mod pods;

pub use agent::{Agent, AgentError};
pub use config::{AgentConfig, Layout};
