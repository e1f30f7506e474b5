//! Which port of a Service is meant, and who stands behind it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

/// A port of a Service, by its number or its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortRef {
    /// The Service's own port, not its target's.
    Number(u16),
    /// The port's name; empty is the one without a name.
    Name(String),
}

impl PortRef {
    /// A number is one, anything else a name.
    pub fn parse(text: &str) -> PortRef {
        text.parse().map_or_else(|_| PortRef::Name(text.to_owned()), PortRef::Number)
    }

    /// The port that is meant, among those that carry TCP.
    pub(super) fn find<'a>(&self, spec: &'a ServiceSpec) -> Option<&'a ServicePort> {
        let is_meant = |port: &&ServicePort| match self {
            PortRef::Number(number) => port.port == i32::from(*number),
            PortRef::Name(name) => port.name.as_deref().unwrap_or_default() == name,
        };
        spec.ports.iter().flatten().filter(|port| is_tcp(port.protocol.as_deref())).find(is_meant)
    }
}

impl fmt::Display for PortRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortRef::Number(number) => write!(f, "{number}"),
            PortRef::Name(name) => write!(f, "{name:?}"),
        }
    }
}

/// Where an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the pod of this name, in the slice's namespace.
    Pod { name: String, uid: Option<String>, port: u16 },
    /// Somewhere outside.
    Address(SocketAddr),
}

/// The ready endpoints of the port of this name, each once.
pub(super) fn ready(slice: &EndpointSlice, port_name: &str) -> Vec<Place> {
    let mut places = Vec::new();
    for port in slice.ports.iter().flatten() {
        let is_meant = port.name.as_deref().unwrap_or_default() == port_name && is_tcp(port.protocol.as_deref());
        let number = port.port.and_then(|number| u16::try_from(number).ok());
        let Some(number) = number.filter(|number| is_meant && *number > 0) else { continue };
        places.extend(slice.endpoints.iter().filter(|endpoint| is_ready(endpoint)).filter_map(|e| place(e, number)));
    }
    places
}

fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) != Some(false)
}

fn place(endpoint: &Endpoint, port: u16) -> Option<Place> {
    match &endpoint.target_ref {
        Some(target) if target.kind.as_deref() == Some("Pod") => {
            Some(Place::Pod { name: target.name.clone()?, uid: target.uid.clone(), port })
        }
        _ => Some(Place::Address(SocketAddr::new(endpoint.addresses.first()?.parse().ok()?, port))),
    }
}

fn is_tcp(protocol: Option<&str>) -> bool {
    matches!(protocol, None | Some("TCP"))
}

/// Whether a master may dial an address on somebody else's word. What only this machine or this link can reach is not theirs to
/// reach through us.
pub(super) fn may_be_dialled(address: IpAddr) -> bool {
    may_be_named(address) && !address.to_canonical().is_loopback()
}

/// Whether a master may dial an address that an administrator names: a server on the same machine is theirs, what only the link
/// reaches is not. Metadata of clouds is there, and at a few addresses elsewhere.
pub(super) fn may_be_named(address: IpAddr) -> bool {
    let address = match address.to_canonical() {
        IpAddr::V6(v6) => embedded(v6).map_or(IpAddr::V6(v6), IpAddr::V4),
        v4 => v4,
    };
    let is_link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !(is_link_local || address.is_multicast() || address.is_unspecified() || METADATA.contains(&address))
}

/// Addresses of clouds' metadata that are not link-local.
const METADATA: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254))];

/// The IPv4 address that an address of the well-known NAT64 prefix stands for.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() else { return None };
    Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ports_are_meant_by_number_or_name() {
        let spec: ServiceSpec = serde_json::from_value(json!({"ports": [
            {"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "web", "port": 80}, {"port": 81}]}))
        .unwrap();
        let found = |text: &str| PortRef::parse(text).find(&spec).map(|port| port.port);
        assert_eq!([found("80"), found("web"), found("")], [Some(80), Some(80), Some(81)]);
        assert_eq!([found("53"), found("dns"), found("8080")], [None, None, None]);
    }

    #[test]
    fn only_ready_endpoints_count() {
        let slice: EndpointSlice = serde_json::from_value(json!({
            "addressType": "IPv4", "ports": [{"name": "web", "port": 8080}, {"name": "web", "port": 53, "protocol": "UDP"}],
            "endpoints": [
                {"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "a", "uid": "u"}},
                {"addresses": ["10.0.0.2"], "conditions": {"ready": false}, "targetRef": {"kind": "Pod", "name": "b"}},
                {"addresses": ["192.0.2.7"], "conditions": {"ready": true}},
            ],
        }))
        .unwrap();
        let pod = Place::Pod { name: "a".into(), uid: Some("u".into()), port: 8080 };
        assert_eq!(ready(&slice, "web"), [pod, Place::Address("192.0.2.7:8080".parse().unwrap())]);
        assert_eq!(ready(&slice, ""), []);
    }

    #[test]
    fn what_only_this_machine_reaches_is_not_dialled() {
        let check = |text: &str| may_be_dialled(text.parse().unwrap());
        for bad in [
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "169.254.169.254",
            "fe80::1",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!check(bad), "{bad}");
        }
        assert!(check("10.0.0.1") && check("192.0.2.1") && check("2001:db8::1"));
        let named = |text: &str| may_be_named(text.parse().unwrap());
        for bad in ["169.254.169.254", "64:ff9b::a9fe:a9fe", "100.100.100.200", "fd00:ec2::254", "fe80::1", "::"] {
            assert!(!named(bad), "{bad}");
        }
        assert!(named("127.0.0.1") && named("::1") && named("10.0.0.1"));
    }
}
