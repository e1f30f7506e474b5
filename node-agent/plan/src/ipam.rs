//! Which address a pod gets from its node's subnet.
//!
//! Addresses are handed out in turn, so that a freed address rests as long as possible: peers may still hold connections to
//! it. The first address of the subnet is the node's own end of the overlay, the last is the broadcast address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnetwork::Ipv4Network;
use serde::{Deserialize, Serialize};

/// Why a pod gets no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IpamError {
    /// No subnet has been allocated to the node.
    #[error("this node has no pod subnet yet")]
    NoSubnet,
    /// All addresses are taken.
    #[error("no free address in {0}")]
    Exhausted(Ipv4Network),
}

/// The pods' addresses on one node. What is saved and loaded is this value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ipam {
    subnet: Option<Subnet>,
    addresses: BTreeMap<String, Ipv4Addr>,
    last: Option<Ipv4Addr>,
}

/// Kept as its parts, so that the saved form does not depend on another crate's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Subnet {
    network: Ipv4Addr,
    prefix: u8,
}

impl Ipam {
    /// The node's subnet, when it has one.
    pub fn subnet(&self) -> Option<Ipv4Network> {
        self.subnet.and_then(|subnet| Ipv4Network::new(subnet.network, subnet.prefix).ok())
    }

    /// Sets the subnet for addresses to come. Those handed out stay valid. Returns whether it changed.
    pub fn set_subnet(&mut self, subnet: Ipv4Network) -> bool {
        let subnet = Some(Subnet { network: subnet.network(), prefix: subnet.prefix() });
        std::mem::replace(&mut self.subnet, subnet) != subnet
    }

    /// The address of a pod that has one.
    pub fn address(&self, uid: &str) -> Option<Ipv4Addr> {
        self.addresses.get(uid).copied()
    }

    /// The pod's address; the same one each time.
    pub fn allocate(&mut self, uid: &str) -> Result<Ipv4Addr, IpamError> {
        if let Some(address) = self.address(uid) {
            return Ok(address);
        }
        let subnet = self.subnet().ok_or(IpamError::NoSubnet)?;
        let address = self.next_free(subnet).ok_or(IpamError::Exhausted(subnet))?;
        self.addresses.insert(uid.to_owned(), address);
        self.last = Some(address);
        Ok(address)
    }

    /// Frees the pod's address.
    pub fn release(&mut self, uid: &str) -> Option<Ipv4Addr> {
        self.addresses.remove(uid)
    }

    /// Exactly these pods have addresses.
    pub fn adopt(&mut self, live: impl IntoIterator<Item = (String, Ipv4Addr)>) {
        self.addresses = live.into_iter().collect();
    }

    fn next_free(&self, subnet: Ipv4Network) -> Option<Ipv4Addr> {
        let first = subnet.network().to_bits().checked_add(1)?;
        let end = subnet.broadcast().to_bits();
        let after_last = self.last.map_or(first, |last| last.to_bits().saturating_add(1));
        let start = if (first..end).contains(&after_last) { after_last } else { first };
        let used: BTreeSet<Ipv4Addr> = self.addresses.values().copied().collect();
        (start..end).chain(first..start).map(Ipv4Addr::from_bits).find(|address| !used.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ipam(subnet: &str) -> Ipam {
        let mut ipam = Ipam::default();
        assert!(ipam.set_subnet(subnet.parse().unwrap()));
        ipam
    }

    fn allocate(ipam: &mut Ipam, uid: &str) -> String {
        ipam.allocate(uid).map_or_else(|error| error.to_string(), |address| address.to_string())
    }

    #[test]
    fn addresses_are_handed_out_in_turn() {
        let mut ipam = ipam("10.42.1.0/30");
        assert_eq!(allocate(&mut ipam, "a"), "10.42.1.1");
        assert_eq!(allocate(&mut ipam, "a"), "10.42.1.1");
        assert_eq!(ipam.release("a"), Some("10.42.1.1".parse().unwrap()));
        assert_eq!(allocate(&mut ipam, "b"), "10.42.1.2", "a freed address rests");
        assert_eq!(allocate(&mut ipam, "c"), "10.42.1.1");
        assert_eq!(allocate(&mut ipam, "d"), "no free address in 10.42.1.0/30");
    }

    #[test]
    fn no_subnet_no_address() {
        assert_eq!(Ipam::default().allocate("a"), Err(IpamError::NoSubnet));
    }

    #[test]
    fn adoption_keeps_what_lives() {
        let mut ipam = ipam("10.42.1.0/24");
        allocate(&mut ipam, "gone");
        ipam.adopt([("a".to_owned(), "10.42.1.9".parse().unwrap())]);
        assert_eq!(ipam.address("gone"), None);
        assert_eq!(allocate(&mut ipam, "a"), "10.42.1.9");
        assert_eq!(allocate(&mut ipam, "b"), "10.42.1.2");
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let mut before = ipam("10.42.1.0/24");
        allocate(&mut before, "a");
        let saved = serde_json::to_string(&before).unwrap();
        let mut after: Ipam = serde_json::from_str(&saved).unwrap();
        assert_eq!(before, after);
        assert!(!after.set_subnet("10.42.1.0/24".parse().unwrap()));
    }
}
