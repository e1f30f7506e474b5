//! The node's network: pod addresses, overlay, services.
//!
//! Pods hang on routed veths (a /32 address, the gateway 169.254.1.1, one host route a pod); other nodes' pods are reached
//! over one VXLAN device with static entries; services are flat nftables maps. What should be is computed in
//! `xebec_node_plan::{ipam, routes, nft}`; this folder makes it so.

mod error;
mod pod_network;

pub use error::NetworkError;
pub use pod_network::PodNetwork;
