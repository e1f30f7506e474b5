//! A service, as far as the node's rules need to know it.

use std::fmt;
use std::net::Ipv4Addr;

/// Namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceName {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// A service's address, ports and endpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// Absent for headless services.
    pub cluster_ip: Option<Ipv4Addr>,
    /// Seconds for which a client keeps its endpoint; 0 is none.
    pub affinity_seconds: u32,
    /// Its ports.
    pub ports: Vec<Port>,
}

/// One port of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// May be empty when it is the only one.
    pub name: String,
    /// Its protocol.
    pub protocol: Protocol,
    /// The port at the service's address.
    pub port: u16,
    /// The port at every node's address; 0 is none.
    pub node_port: u16,
    /// Who answers.
    pub endpoints: Vec<Endpoint>,
}

/// An address and port that answers for a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The address.
    pub address: Ipv4Addr,
    /// The port.
    pub port: u16,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
    /// SCTP
    Sctp,
}

impl Protocol {
    /// By its name in the API, where an empty one means TCP.
    pub fn parse(name: &str) -> Option<Protocol> {
        match name {
            "TCP" | "" => Some(Protocol::Tcp),
            "UDP" => Some(Protocol::Udp),
            "SCTP" => Some(Protocol::Sctp),
            _ => None,
        }
    }

    /// nft's name for it, and that of service variables.
    pub fn lower_case(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.lower_case())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} . {}", self.address, self.port)
    }
}
