//! Doing what the plan says: containerd, netlink, nftables, volumes, logs, the session with the masters.

mod agent;
pub mod cgroups;
mod config;
pub mod containerd;
pub mod facts;
pub mod images;
pub mod link;
pub mod logs;
pub mod network;
pub mod node;
pub mod pods;
pub mod probes;
pub mod sandbox;
pub mod steps;
pub mod streams;
pub mod volumes;

pub use agent::{Agent, AgentError};
pub use config::{AgentConfig, Layout};
