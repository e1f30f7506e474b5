//! The pods' devices: one veth pair a pod, routed.
//!
//! ```text
//!  pod netns                                        node netns
//!  eth0  10.42.1.5/32  ───────── veth ─────────  xv1f2e…   10.42.1.5/32 dev xv1f2e…
//!  default via 169.254.1.1 (static neighbour)              static neighbour 10.42.1.5
//! ```

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::os::fd::RawFd;
use std::path::Path;

use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkMessage};
use rtnetlink::{LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder};
use xebec_node_plan::routes::{GATEWAY, GATEWAY_MAC, HOST_DEVICE_PREFIX, POD_DEVICE, host_device, pod_mac};

use super::netlink::{Netlink, failed, is_errno, link_route};
use super::{NetworkError, namespace, sysctl};

/// What a pod's device is to be.
#[derive(Debug, Clone)]
pub(super) struct PodDevice {
    pub(super) host_name: String,
    pub(super) address: Ipv4Addr,
    pub(super) mtu: u32,
    /// Source of what the node itself sends to the pod.
    pub(super) node_address: Ipv4Addr,
}

/// Connects the namespace at `netns`.
pub(super) async fn attach(netlink: &Netlink, netns: &Path, device: &PodDevice) -> Result<(), NetworkError> {
    let inside = device.clone();
    let created = namespace::within(netns, move |host| configure_pod(host, inside)).await?;
    if !created {
        // The name belongs to what is left of an earlier sandbox of this pod.
        netlink.delete(&device.host_name).await?;
        let inside = device.clone();
        let created = namespace::within(netns, move |host| configure_pod(host, inside)).await?;
        if !created {
            return Err(NetworkError::NoDevice(device.host_name.clone()));
        }
    }
    configure_host(netlink, device).await
}

/// Takes the pod's device away, and with it its route.
pub(super) async fn detach(netlink: &Netlink, pod_uid: &str) -> Result<(), NetworkError> {
    netlink.delete(&host_device(pod_uid)).await
}

/// Removes the devices of pods that are not among `live`.
pub(super) async fn sweep(netlink: &Netlink, live: &BTreeSet<String>) -> Result<(), NetworkError> {
    for device in netlink.devices().await? {
        let ours = device.name.starts_with(HOST_DEVICE_PREFIX) && device.mac() == Some(&GATEWAY_MAC);
        if ours && !live.contains(&device.name) {
            netlink.delete(&device.name).await?;
        }
    }
    Ok(())
}

/// Inside the pod. Returns false when the host's name is taken.
async fn configure_pod(host: RawFd, device: PodDevice) -> Result<bool, NetworkError> {
    let netlink = Netlink::open()?;
    netlink.set_up(netlink.existing("lo").await?.index).await?;
    if netlink.device(POD_DEVICE).await?.is_none() {
        match netlink.create(POD_DEVICE, pair(host, &device)).await {
            Err(error) if is_errno(&error, libc::EEXIST) => return Ok(false),
            other => other.map_err(failed(format!("create device {}", device.host_name)))?,
        }
    }
    let index = netlink.existing(POD_DEVICE).await?.index;
    netlink.set_address(index, device.address).await?;
    netlink.set_up(index).await?;
    netlink.set_neighbour(index, GATEWAY, GATEWAY_MAC).await?;
    netlink.set_route(link_route(GATEWAY, 32, index, None)).await?;
    let default = RouteMessageBuilder::<Ipv4Addr>::new().gateway(GATEWAY).output_interface(index).build();
    netlink.set_route(default).await?;
    Ok(true)
}

/// One request makes both ends, each in its namespace.
fn pair(host: RawFd, device: &PodDevice) -> LinkMessage {
    let peer = LinkMessageBuilder::<LinkUnspec>::new()
        .name(device.host_name.clone())
        .address(GATEWAY_MAC.to_vec())
        .mtu(device.mtu)
        .setns_by_fd(host)
        .build();
    LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth)
        .name(POD_DEVICE)
        .address(pod_mac(device.address).to_vec())
        .mtu(device.mtu)
        .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
        .build()
}

async fn configure_host(netlink: &Netlink, device: &PodDevice) -> Result<(), NetworkError> {
    let index = netlink.existing(&device.host_name).await?.index;
    sysctl::check_source_loosely(&device.host_name)?;
    netlink.set_up(index).await?;
    netlink.set_neighbour(index, device.address, pod_mac(device.address)).await?;
    netlink.set_route(link_route(device.address, 32, index, Some(device.node_address))).await
}
