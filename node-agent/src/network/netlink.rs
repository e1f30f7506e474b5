//! The few netlink requests that the node's network needs, each safe to repeat.

use std::net::{IpAddr, Ipv4Addr};

use futures::TryStreamExt;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use netlink_packet_route::neighbour::NeighbourMessage;
use netlink_packet_route::route::{RouteHeader, RouteMessage, RouteScope, RouteType};
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec, RouteMessageBuilder};

use super::NetworkError;

/// A netlink socket in one network namespace: that of the thread which opened it.
#[derive(Clone)]
pub(super) struct Netlink {
    handle: Handle,
}

/// A device as the kernel has it.
pub(super) struct Device {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) message: LinkMessage,
}

impl Device {
    fn from_message(message: LinkMessage) -> Device {
        let name = message.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::IfName(name) => Some(name.clone()),
            _ => None,
        });
        Device { index: message.header.index, name: name.unwrap_or_default(), message }
    }

    pub(super) fn mtu(&self) -> Option<u32> {
        self.message.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Mtu(mtu) => Some(*mtu),
            _ => None,
        })
    }

    pub(super) fn mac(&self) -> Option<&[u8]> {
        self.message.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Address(mac) => Some(mac.as_slice()),
            _ => None,
        })
    }
}

/// Names the operation that failed.
pub(super) fn failed(operation: impl Into<String>) -> impl FnOnce(rtnetlink::Error) -> NetworkError {
    let operation = operation.into();
    move |source| NetworkError::Netlink { operation, source: Box::new(source) }
}

/// Whether the kernel's answer is this error number.
pub(super) fn is_errno(error: &rtnetlink::Error, errno: i32) -> bool {
    matches!(error, rtnetlink::Error::NetlinkError(message) if message.raw_code() == -errno)
}

impl Netlink {
    /// Opens a socket in the calling thread's namespace. Its driver runs on the current runtime.
    pub(super) fn open() -> Result<Netlink, NetworkError> {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(|source| NetworkError::Io {
            operation: "open a socket of",
            path: "netlink".into(),
            source,
        })?;
        tokio::spawn(connection);
        Ok(Netlink { handle })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The device of that name, if there is one.
    pub(super) async fn device(&self, name: &str) -> Result<Option<Device>, NetworkError> {
        let found = self.handle.link().get().match_name(name).execute().try_next().await;
        match found {
            Ok(message) => Ok(message.map(Device::from_message)),
            Err(error) if is_errno(&error, libc::ENODEV) => Ok(None),
            Err(error) => Err(failed(format!("look up device {name}"))(error)),
        }
    }

    /// The device of that name, which must exist.
    pub(super) async fn existing(&self, name: &str) -> Result<Device, NetworkError> {
        self.device(name).await?.ok_or_else(|| NetworkError::NoDevice(name.to_owned()))
    }

    /// All devices.
    pub(super) async fn devices(&self) -> Result<Vec<Device>, NetworkError> {
        let messages: Vec<LinkMessage> =
            self.handle.link().get().execute().try_collect().await.map_err(failed("list devices"))?;
        Ok(messages.into_iter().map(Device::from_message).collect())
    }

    /// The device that carries this address.
    pub(super) async fn device_with(&self, address: Ipv4Addr) -> Result<Option<Device>, NetworkError> {
        let wanted = |attribute: &AddressAttribute| match attribute {
            AddressAttribute::Local(local) => *local == IpAddr::V4(address),
            _ => false,
        };
        let addresses: Vec<_> =
            self.handle.address().get().execute().try_collect().await.map_err(failed("list addresses"))?;
        let Some(found) = addresses.iter().find(|message| message.attributes.iter().any(wanted)) else {
            return Ok(None);
        };
        let query = self.handle.link().get().match_index(found.header.index);
        let message = query.execute().try_next().await.map_err(failed(format!("look up the device of {address}")))?;
        Ok(message.map(Device::from_message))
    }

    /// Creates a device. Fails when the name is taken.
    pub(super) async fn create(&self, name: &str, message: LinkMessage) -> Result<(), rtnetlink::Error> {
        tracing::debug!(name, "creating device");
        self.handle.link().add(message).execute().await
    }

    pub(super) async fn set_up(&self, index: u32) -> Result<(), NetworkError> {
        let message = LinkMessageBuilder::<LinkUnspec>::new().index(index).up().build();
        self.handle.link().set(message).execute().await.map_err(failed(format!("set device {index} up")))
    }

    /// Removes a device, if it is there.
    pub(super) async fn delete(&self, name: &str) -> Result<(), NetworkError> {
        let Some(device) = self.device(name).await? else { return Ok(()) };
        match self.handle.link().del(device.index).execute().await {
            Err(error) if !is_errno(&error, libc::ENODEV) => Err(failed(format!("delete device {name}"))(error)),
            _ => Ok(()),
        }
    }

    pub(super) async fn set_address(&self, index: u32, address: Ipv4Addr) -> Result<(), NetworkError> {
        let request = self.handle.address().add(index, IpAddr::V4(address), 32).replace();
        request.execute().await.map_err(failed(format!("set address {address}")))
    }

    pub(super) async fn set_route(&self, message: RouteMessage) -> Result<(), NetworkError> {
        let described = format!("set route to {}", describe(&message));
        self.handle.route().add(message).replace().execute().await.map_err(failed(described))
    }

    /// Removes a route, if it is there.
    pub(super) async fn delete_route(&self, message: RouteMessage) -> Result<(), NetworkError> {
        let described = format!("delete route to {}", describe(&message));
        match self.handle.route().del(message).execute().await {
            Err(error) if !is_errno(&error, libc::ESRCH) => Err(failed(described)(error)),
            _ => Ok(()),
        }
    }

    pub(super) async fn routes(&self) -> Result<Vec<RouteMessage>, NetworkError> {
        let query = RouteMessageBuilder::<Ipv4Addr>::new().build();
        self.handle.route().get(query).execute().try_collect().await.map_err(failed("list routes"))
    }

    pub(super) async fn set_neighbour(&self, index: u32, address: Ipv4Addr, mac: [u8; 6]) -> Result<(), NetworkError> {
        let request = self.handle.neighbours().add(index, IpAddr::V4(address)).link_layer_address(&mac).replace();
        request.execute().await.map_err(failed(format!("set neighbour {address}")))
    }

    pub(super) async fn neighbours(&self, family: AddressFamily) -> Result<Vec<NeighbourMessage>, NetworkError> {
        let query = self.handle.neighbours().get().set_address_family(family);
        query.execute().try_collect().await.map_err(failed("list neighbours"))
    }

    /// Removes a neighbour or forwarding entry, if it is there.
    pub(super) async fn delete_neighbour(&self, message: NeighbourMessage) -> Result<(), NetworkError> {
        match self.handle.neighbours().del(message).execute().await {
            Err(error) if !is_errno(&error, libc::ENOENT) => Err(failed("delete a neighbour")(error)),
            _ => Ok(()),
        }
    }
}

/// A route on the link itself, in the main table.
pub(super) fn link_route(destination: Ipv4Addr, prefix: u8, index: u32, source: Option<Ipv4Addr>) -> RouteMessage {
    let route = RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(destination, prefix).output_interface(index);
    let route = route.scope(RouteScope::Link);
    match source {
        Some(source) => route.pref_source(source).build(),
        None => route.build(),
    }
}

/// Tells senders that nothing is there.
pub(super) fn unreachable_route(destination: Ipv4Addr, prefix: u8) -> RouteMessage {
    RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(destination, prefix).kind(RouteType::Unreachable).build()
}

/// Whether the route is one of the main table.
pub(super) fn in_main_table(route: &RouteMessage) -> bool {
    route.header.table == RouteHeader::RT_TABLE_MAIN
}

fn describe(route: &RouteMessage) -> String {
    use netlink_packet_route::route::{RouteAddress, RouteAttribute};
    let destination = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(address)) => Some(*address),
        _ => None,
    });
    format!("{}/{}", destination.unwrap_or(Ipv4Addr::UNSPECIFIED), route.header.destination_prefix_length)
}
