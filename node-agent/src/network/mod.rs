//! The node's network: pod addresses, overlay, services.
//!
//! Pods hang on routed veths (a /32 address, the gateway 169.254.1.1, one host route a pod); other nodes' pods are reached
//! over one VXLAN device with static entries; services are flat nftables maps. What should be is computed in
//! `xebec_node_plan::{ipam, routes, nft}`; this folder makes it so.
//!
//! ```text
//! link ──NetworkUpdate──▶ programmer ──▶ overlay (netlink) ──▶ ruleset (nft) ──▶ conntrack ──▶ Uplink: applied generation
//!                             │ subnet, services
//!                             ▼
//!                          Network ◀── attach, detach, service_env ── pods
//! ```

mod connect;
mod conntrack;
mod error;
mod host;
mod namespace;
mod netlink;
mod overlay;
mod pod_network;
mod programmer;
mod ruleset;
mod saved;
mod sysctl;
mod veth;
mod view;

pub use connect::{Inside, connect};
pub use error::NetworkError;
pub use host::{Network, NetworkConfig};
pub use pod_network::PodNetwork;
pub use ruleset::{NftCommand, RulesetWriter};
