//! Elements of the maps and sets, and the chains they lead to, as nft writes them.

use std::fmt;
use std::net::Ipv4Addr;

use super::{Endpoint, MARK_BASE, Protocol};

/// Where traffic for a service arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Face {
    /// At the service's own address.
    Vip,
    /// At a node's address.
    Node,
}

/// A chain that picks one of `count` endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Balancer {
    /// Which map it looks in.
    pub face: Face,
    /// Among how many.
    pub count: u32,
    /// For how many seconds a client keeps its choice; 0 is not at all.
    pub affinity_seconds: u32,
}

/// One element. The order groups them by map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// Traffic to a service's address goes to that chain.
    Service {
        /// The service's address.
        vip: Ipv4Addr,
        /// Of the port.
        protocol: Protocol,
        /// The port.
        port: u16,
        /// Where it goes.
        balancer: Balancer,
    },
    /// Traffic to a node's port goes to that chain.
    NodePort {
        /// Of the port.
        protocol: Protocol,
        /// The port.
        port: u16,
        /// Where it goes.
        balancer: Balancer,
    },
    /// One endpoint of a service's port.
    Endpoint {
        /// The service's address.
        vip: Ipv4Addr,
        /// Of the port.
        protocol: Protocol,
        /// The port.
        port: u16,
        /// Its place.
        index: u32,
        /// The endpoint.
        to: Endpoint,
    },
    /// The same for a node port.
    NodeEndpoint {
        /// Of the port.
        protocol: Protocol,
        /// The node port.
        port: u16,
        /// Its place.
        index: u32,
        /// The endpoint.
        to: Endpoint,
    },
    /// A node port whose service has no endpoints.
    RejectedPort {
        /// Of the port.
        protocol: Protocol,
        /// The node port.
        port: u16,
    },
    /// An endpoint on this node, which may talk to itself through its service.
    Hairpin(Ipv4Addr),
}

impl Element {
    /// The map or set it is in.
    pub fn container(&self) -> &'static str {
        match self {
            Element::Service { .. } => "services",
            Element::NodePort { .. } => "node-ports",
            Element::Endpoint { .. } => "endpoints",
            Element::NodeEndpoint { .. } => "node-endpoints",
            Element::RejectedPort { .. } => "rejected-ports",
            Element::Hairpin(_) => "hairpin",
        }
    }

    /// Its key.
    pub fn key(&self) -> String {
        match self {
            Element::Service { vip, protocol, port, .. } => format!("{vip} . {protocol} . {port}"),
            Element::NodePort { protocol, port, .. } | Element::RejectedPort { protocol, port } => {
                format!("{protocol} . {port}")
            }
            Element::Endpoint { vip, protocol, port, index, .. } => {
                format!("{vip} . {protocol} . {port} . {:#010x}", MARK_BASE + index)
            }
            Element::NodeEndpoint { protocol, port, index, .. } => {
                format!("{protocol} . {port} . {:#010x}", MARK_BASE + index)
            }
            Element::Hairpin(address) => format!("{address} . {address}"),
        }
    }

    /// Key and value.
    pub fn entry(&self) -> String {
        let key = self.key();
        match self {
            Element::Service { balancer, .. } | Element::NodePort { balancer, .. } => {
                format!("{key} : goto {balancer}")
            }
            Element::Endpoint { to, .. } | Element::NodeEndpoint { to, .. } => format!("{key} : {to}"),
            Element::RejectedPort { .. } | Element::Hairpin(_) => key,
        }
    }

    /// The chain it leads to.
    pub fn balancer(&self) -> Option<Balancer> {
        match self {
            Element::Service { balancer, .. } | Element::NodePort { balancer, .. } => Some(*balancer),
            _ => None,
        }
    }
}

impl fmt::Display for Balancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let face = match self.face {
            Face::Vip => "vip",
            Face::Node => "node",
        };
        write!(f, "{face}-{}", self.count)?;
        if self.affinity_seconds > 0 { write!(f, "-sticky-{}", self.affinity_seconds) } else { Ok(()) }
    }
}

impl Balancer {
    /// The chain's rules.
    ///
    /// A sticky chain first looks for the client's choice. The lookup's rule ends where there is none, which leaves the mark
    /// outside our range, as does a choice among more endpoints than there are now; a new choice is made then.
    pub fn rules(&self) -> Vec<String> {
        let (key, endpoints) = match self.face {
            Face::Vip => ("ip daddr . meta l4proto . th dport", "endpoints"),
            Face::Node => ("meta l4proto . th dport", "node-endpoints"),
        };
        let choose = format!("meta mark set numgen random mod {} offset {MARK_BASE:#010x}", self.count);
        let dnat = format!("dnat ip to {key} . meta mark map @{endpoints}");
        if self.affinity_seconds == 0 {
            return vec![format!("{choose} {dnat}")];
        }
        let choice = "ip saddr . ip daddr . meta l4proto . th dport";
        let last = MARK_BASE + self.count - 1;
        let keep = format!("update @affinity {{ {choice} timeout {}s : meta mark }}", self.affinity_seconds);
        vec![
            "meta mark set 0".to_owned(),
            format!("meta mark set {choice} map @affinity"),
            format!("meta mark {MARK_BASE:#010x}-{last:#010x} {keep} {dnat}"),
            choose,
            format!("{keep} {dnat}"),
        ]
    }
}
