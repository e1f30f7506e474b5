//! The VXLAN device, and the entries by which other nodes' pods are reached.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnetwork::Ipv4Network;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{InfoData, InfoVxlan, LinkAttribute, LinkInfo};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use rtnetlink::{LinkVxlan, RouteMessageBuilder};
use xebec_node_plan::routes::{
    Change, Entry, OVERLAY_DEVICE, OVERLAY_ID, OVERLAY_OVERHEAD, OVERLAY_PORT, Peer, changes, entries, overlay_address,
    overlay_mac,
};

use super::netlink::{Device, Netlink, failed, in_main_table, link_route, unreachable_route};
use super::{NetworkError, sysctl};

/// When the node's address is on no device, its packets are taken to have Ethernet's size.
const DEFAULT_MTU: u32 = 1500;

/// What the overlay is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overlay {
    pub(super) node_address: Ipv4Addr,
    pub(super) subnet: Ipv4Network,
    pub(super) services: Ipv4Network,
}

/// The largest packet of a pod that fits through the overlay.
pub(super) async fn mtu(netlink: &Netlink, node_address: Ipv4Addr) -> Result<u32, NetworkError> {
    let device = netlink.device_with(node_address).await?;
    Ok(device.and_then(|device| device.mtu()).unwrap_or(DEFAULT_MTU).saturating_sub(OVERLAY_OVERHEAD))
}

/// Makes the device, its address and the node's own routes. Services get a route, so that the node itself reaches them even
/// without a default route: a destination is looked up before it is translated.
pub(super) async fn ensure(netlink: &Netlink, overlay: &Overlay) -> Result<(), NetworkError> {
    let index = ensure_device(netlink, overlay).await?;
    sysctl::check_source_loosely(OVERLAY_DEVICE)?;
    netlink.set_address(index, overlay_address(overlay.subnet)).await?;
    netlink.set_up(index).await?;
    let Overlay { node_address, subnet, services } = *overlay;
    netlink.set_route(unreachable_route(subnet.network(), subnet.prefix())).await?;
    netlink.set_route(link_route(services.network(), services.prefix(), index, Some(node_address))).await
}

async fn ensure_device(netlink: &Netlink, overlay: &Overlay) -> Result<u32, NetworkError> {
    if let Some(device) = netlink.device(OVERLAY_DEVICE).await? {
        if fits(&device, overlay) {
            return Ok(device.index);
        }
        netlink.delete(OVERLAY_DEVICE).await?;
    }
    let message = LinkVxlan::new(OVERLAY_DEVICE, OVERLAY_ID)
        .local(overlay.node_address)
        .port(OVERLAY_PORT)
        .learning(false)
        .address(overlay_mac(overlay.subnet).to_vec())
        .mtu(mtu(netlink, overlay.node_address).await?)
        .build();
    let created = netlink.create(OVERLAY_DEVICE, message).await;
    created.map_err(failed(format!("create device {OVERLAY_DEVICE}")))?;
    Ok(netlink.existing(OVERLAY_DEVICE).await?.index)
}

/// Whether the device is as a new one would be.
fn fits(device: &Device, overlay: &Overlay) -> bool {
    let local = |info: &InfoVxlan| matches!(info, InfoVxlan::Local(local) if *local == overlay.node_address);
    let is_vxlan = |info: &LinkInfo| matches!(info, LinkInfo::Data(InfoData::Vxlan(infos)) if infos.iter().any(local));
    let from_here = device.message.attributes.iter().any(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => infos.iter().any(is_vxlan),
        _ => false,
    });
    from_here && device.mac() == Some(&overlay_mac(overlay.subnet))
}

/// Makes the entries those of `peers`, and no others.
pub(super) async fn reconcile(netlink: &Netlink, overlay: &Overlay, peers: &[Peer]) -> Result<(), NetworkError> {
    let index = netlink.existing(OVERLAY_DEVICE).await?.index;
    let observed = observe(netlink, index).await?;
    for change in changes(&observed, &entries(peers)) {
        tracing::debug!(?change, "overlay");
        match change {
            Change::Add(entry) => add(netlink, index, overlay, entry).await?,
            Change::Remove(entry) => remove(netlink, index, entry).await?,
        }
    }
    Ok(())
}

async fn add(netlink: &Netlink, index: u32, overlay: &Overlay, entry: Entry) -> Result<(), NetworkError> {
    match entry {
        Entry::Forwarding { mac, underlay } => {
            let request = netlink.handle().neighbours().add_bridge(index, &mac).destination(IpAddr::V4(underlay));
            let request = request.flags(NeighbourFlags::Own).replace();
            request.execute().await.map_err(failed(format!("forward to {underlay}")))
        }
        Entry::Neighbour { address, mac } => netlink.set_neighbour(index, address, mac).await,
        Entry::Route { .. } => netlink.set_route(route(index, overlay, entry)).await,
    }
}

fn route(index: u32, overlay: &Overlay, entry: Entry) -> RouteMessage {
    let route = RouteMessageBuilder::<Ipv4Addr>::new().output_interface(index).onlink();
    match entry {
        Entry::Route { network, prefix, via } => {
            route.destination_prefix(network, prefix).gateway(via).pref_source(overlay_address(overlay.subnet)).build()
        }
        Entry::Forwarding { .. } | Entry::Neighbour { .. } => route.build(),
    }
}

async fn remove(netlink: &Netlink, index: u32, entry: Entry) -> Result<(), NetworkError> {
    match entry {
        Entry::Forwarding { mac, underlay } => {
            let mut message = neighbour(index, underlay, mac);
            message.header.family = AddressFamily::Bridge;
            message.header.flags = NeighbourFlags::Own;
            netlink.delete_neighbour(message).await
        }
        Entry::Neighbour { address, mac } => netlink.delete_neighbour(neighbour(index, address, mac)).await,
        Entry::Route { network, prefix, via } => {
            let route = RouteMessageBuilder::<Ipv4Addr>::new().output_interface(index);
            netlink.delete_route(route.destination_prefix(network, prefix).gateway(via).build()).await
        }
    }
}

fn neighbour(index: u32, address: Ipv4Addr, mac: [u8; 6]) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.ifindex = index;
    message.attributes = vec![
        NeighbourAttribute::Destination(NeighbourAddress::Inet(address)),
        NeighbourAttribute::LinkLayerAddress(mac.to_vec()),
    ];
    message
}

async fn observe(netlink: &Netlink, index: u32) -> Result<BTreeSet<Entry>, NetworkError> {
    let forwarding = netlink.neighbours(AddressFamily::Bridge).await?;
    let neighbours = netlink.neighbours(AddressFamily::Inet).await?;
    let ours = |message: &&NeighbourMessage| {
        message.header.ifindex == index && message.header.state == NeighbourState::Permanent
    };
    let forwarding = forwarding.iter().filter(ours).filter_map(addresses);
    let forwarding = forwarding.map(|(underlay, mac)| Entry::Forwarding { mac, underlay });
    let neighbours = neighbours.iter().filter(ours).filter_map(addresses);
    let neighbours = neighbours.map(|(address, mac)| Entry::Neighbour { address, mac });
    let routes = netlink.routes().await?;
    let routes = routes.iter().filter_map(|message| observed_route(index, message));
    Ok(forwarding.chain(neighbours).chain(routes).collect())
}

fn addresses(message: &NeighbourMessage) -> Option<(Ipv4Addr, [u8; 6])> {
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => Some(*address),
        NeighbourAttribute::Destination(NeighbourAddress::Other(bytes)) => {
            Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.as_slice()).ok()?))
        }
        _ => None,
    })?;
    let mac = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(mac) => mac.as_slice().try_into().ok(),
        _ => None,
    })?;
    Some((address, mac))
}

/// Routes through a gateway on the overlay's device; there are no others of ours.
fn observed_route(index: u32, message: &RouteMessage) -> Option<Entry> {
    let (mut network, mut via, mut device) = (None, None, None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(address)) => network = Some(*address),
            RouteAttribute::Gateway(RouteAddress::Inet(address)) => via = Some(*address),
            RouteAttribute::Oif(index) => device = Some(*index),
            _ => {}
        }
    }
    let ours = device == Some(index) && in_main_table(message);
    let prefix = message.header.destination_prefix_length;
    ours.then_some(Entry::Route { network: network?, prefix, via: via? })
}
