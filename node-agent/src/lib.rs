//! Doing what the plan says: containerd, netlink, nftables, volumes, logs, the session with the masters.

pub mod containerd;
pub mod link;
pub mod network;
pub mod pods;
