//! Which routes, neighbours and forwarding entries lead to the other nodes' pods.
//!
//! Every node has one VXLAN device. Its address is the first of the node's pod subnet and its MAC follows from that address,
//! so nodes need to tell each other nothing: for each other node there is one forwarding entry (MAC → underlay address), one
//! neighbour (overlay address → MAC) and one route (pod subnet via overlay address). Nothing is learned or broadcast.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnetwork::Ipv4Network;

/// The overlay's device.
pub const OVERLAY_DEVICE: &str = "xebec-vx";
/// Its VXLAN network identifier.
pub const OVERLAY_ID: u32 = 7862;
/// Its UDP port.
pub const OVERLAY_PORT: u16 = 8472;
/// What VXLAN adds to each packet: outer Ethernet, IPv4, UDP and VXLAN headers.
pub const OVERLAY_OVERHEAD: u32 = 50;
/// The gateway that every pod sees. It exists on no device: a static neighbour entry in the pod gives it a MAC.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);
/// The MAC of the host's end of every pod's veth.
pub const GATEWAY_MAC: [u8; 6] = [0xee; 6];
/// The name of the pod's end of its veth.
pub const POD_DEVICE: &str = "eth0";
/// What the names of the host's ends of pods' veths begin with.
pub const HOST_DEVICE_PREFIX: &str = "xv";

/// Hexadecimal digits after the prefix; a device's name has 15 characters at most.
const HOST_DEVICE_DIGITS: usize = 12;

/// The name of the host's end of a pod's veth.
pub fn host_device(pod_uid: &str) -> String {
    let hash = pod_uid.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3) // FNV-1a: stable over versions
    });
    let digits = format!("{hash:016x}");
    format!("{HOST_DEVICE_PREFIX}{}", &digits[..HOST_DEVICE_DIGITS])
}

/// The MAC of a pod: locally administered, and following from its address.
pub fn pod_mac(address: Ipv4Addr) -> [u8; 6] {
    mac([0x0a, 0x58], address)
}

/// The overlay address of a node.
pub fn overlay_address(subnet: Ipv4Network) -> Ipv4Addr {
    subnet.network()
}

/// The MAC of a node's overlay device.
pub fn overlay_mac(subnet: Ipv4Network) -> [u8; 6] {
    mac([0x0e, 0x78], overlay_address(subnet))
}

fn mac(prefix: [u8; 2], address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [prefix[0], prefix[1], a, b, c, d]
}

/// Another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Where its VXLAN packets go.
    pub underlay: Ipv4Addr,
    /// Its pods.
    pub subnet: Ipv4Network,
}

/// One entry of the kernel's tables, always on the overlay's device. The order is the order in which they are added, so a
/// route appears only when its neighbour is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// Frames for this MAC go to that node.
    Forwarding {
        /// The other overlay device.
        mac: [u8; 6],
        /// Its node.
        underlay: Ipv4Addr,
    },
    /// The MAC of another node's overlay address.
    Neighbour {
        /// The overlay address.
        address: Ipv4Addr,
        /// Its device.
        mac: [u8; 6],
    },
    /// The pods of another node.
    Route {
        /// The subnet's first address.
        network: Ipv4Addr,
        /// The subnet's prefix length.
        prefix: u8,
        /// The other node's overlay address.
        via: Ipv4Addr,
    },
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Add the entry.
    Add(Entry),
    /// Remove it.
    Remove(Entry),
}

/// All entries that there should be.
pub fn entries<'a>(peers: impl IntoIterator<Item = &'a Peer>) -> BTreeSet<Entry> {
    peers.into_iter().flat_map(entries_of).collect()
}

fn entries_of(peer: &Peer) -> [Entry; 3] {
    let (address, mac) = (overlay_address(peer.subnet), overlay_mac(peer.subnet));
    [
        Entry::Forwarding { mac, underlay: peer.underlay },
        Entry::Neighbour { address, mac },
        Entry::Route { network: peer.subnet.network(), prefix: peer.subnet.prefix(), via: address },
    ]
}

/// The steps from what is to what should be. Routes go first and come last.
pub fn changes(observed: &BTreeSet<Entry>, wanted: &BTreeSet<Entry>) -> Vec<Change> {
    let removed = observed.iter().rev().filter(|entry| !wanted.contains(entry)).copied().map(Change::Remove);
    removed.chain(wanted.difference(observed).copied().map(Change::Add)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(underlay: &str, subnet: &str) -> Peer {
        Peer { underlay: underlay.parse().unwrap(), subnet: subnet.parse().unwrap() }
    }

    #[test]
    fn a_new_node_gets_forwarding_then_neighbour_then_route() {
        let wanted = entries([&peer("192.0.2.2", "10.42.2.0/24")]);
        let mac = [0x0e, 0x78, 10, 42, 2, 0];
        let (underlay, via) = ("192.0.2.2".parse().unwrap(), "10.42.2.0".parse().unwrap());
        let expect = [
            Change::Add(Entry::Forwarding { mac, underlay }),
            Change::Add(Entry::Neighbour { address: via, mac }),
            Change::Add(Entry::Route { network: via, prefix: 24, via }),
        ];
        assert_eq!(changes(&BTreeSet::new(), &wanted), expect);
    }

    #[test]
    fn a_node_that_moved_changes_its_forwarding_only() {
        let before = entries([&peer("192.0.2.2", "10.42.2.0/24"), &peer("192.0.2.3", "10.42.3.0/24")]);
        let after = entries([&peer("192.0.2.9", "10.42.2.0/24"), &peer("192.0.2.3", "10.42.3.0/24")]);
        let mac = [0x0e, 0x78, 10, 42, 2, 0];
        let expect = [
            Change::Remove(Entry::Forwarding { mac, underlay: "192.0.2.2".parse().unwrap() }),
            Change::Add(Entry::Forwarding { mac, underlay: "192.0.2.9".parse().unwrap() }),
        ];
        assert_eq!(changes(&before, &after), expect);
    }

    #[test]
    fn a_node_that_left_loses_its_route_first() {
        let before = entries([&peer("192.0.2.2", "10.42.2.0/24")]);
        let steps = changes(&before, &BTreeSet::new());
        assert!(matches!(steps[0], Change::Remove(Entry::Route { .. })), "{steps:?}");
        assert_eq!(steps.len(), 3);
    }

    #[test]
    fn device_names_fit_and_differ() {
        let a = host_device("11111111-1111-4111-8111-111111111111");
        let b = host_device("11111111-1111-4111-8111-111111111112");
        assert!(a.len() <= 15 && a.starts_with(HOST_DEVICE_PREFIX));
        assert_ne!(a, b);
    }
}
