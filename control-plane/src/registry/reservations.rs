//! What only one object may hold: the cluster addresses and node ports of Services, the pod address ranges of Nodes, and the
//! addresses at which others reach them.
//!
//! Each is a key of its own, taken and given back in the transaction that changes the object. So two masters that
//! choose the same address at the same time do not both succeed, and no repair loop has to look for leaks. Nor does a
//! range that a deposed leader has chosen for one node come beside the new leader's choice of it for another.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use ipnetwork::IpNetwork;
use serde_json::{Value, json};
use xebec_api::{FieldError, FieldErrors, FieldPath, Kind, Object, Status, value};

use super::{Registry, Target, keys};

/// The ports that Services may have on every node.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;
/// The first addresses of the network are left to those who ask for them by name, such as the API's own Service.
const STATIC_ADDRESSES: u64 = 16;
/// Blind guesses before the search goes one by one.
const GUESSES: usize = 32;

/// The keys that an object holds.
pub(super) fn held(kind: &Kind, object: &Object) -> BTreeSet<Bytes> {
    match (kind.group, kind.plural) {
        ("", "services") => held_by(&object.to_value()),
        ("", "nodes") => held_by_node(&object.to_value()),
        _ => BTreeSet::new(),
    }
}

/// Who a reservation says it belongs to.
pub(super) fn owner(target: &Target) -> String {
    format!("{}/{}", target.namespace.as_deref().unwrap_or_default(), target.name)
}

fn is_service(kind: &Kind) -> bool {
    kind.group.is_empty() && kind.plural == "services"
}

fn held_by(service: &Value) -> BTreeSet<Bytes> {
    let listed = value::list(service, "/spec/clusterIPs").iter().filter_map(Value::as_str);
    let addresses = value::text(service, "/spec/clusterIP").into_iter().chain(listed);
    let addresses = addresses.filter_map(|text| text.parse().ok()).map(address_key);
    let ports = value::list(service, "/spec/ports").iter().filter_map(node_port).map(port_key);
    addresses.chain(ports).collect()
}

/// Everything that is a Node's alone. Others send the traffic of its pods to its address: two nodes must not say the same.
fn held_by_node(node: &Value) -> BTreeSet<Bytes> {
    let internal = |address: &&Value| value::text(address, "/type") == Some("InternalIP");
    let addresses = value::list(node, "/status/addresses").iter().filter(internal);
    let addresses = addresses.filter_map(|address| value::text(address, "/address")?.parse::<IpAddr>().ok());
    let addresses = addresses.map(|address| keys::reserved("node-addresses", &address.to_string()));
    addresses.chain(ranges_of(node)).collect()
}

fn ranges_of(node: &Value) -> BTreeSet<Bytes> {
    let listed = value::list(node, "/spec/podCIDRs").iter().filter_map(Value::as_str);
    let ranges = value::text(node, "/spec/podCIDR").into_iter().chain(listed);
    let ranges = ranges.filter_map(|text| text.parse::<IpNetwork>().ok());
    ranges.map(|range| keys::reserved("pod-ranges", &range.to_string())).collect()
}

fn address_key(address: IpAddr) -> Bytes {
    keys::reserved("cluster-addresses", &address.to_string())
}

fn port_key(port: i64) -> Bytes {
    keys::reserved("node-ports", &port.to_string())
}

fn node_port(port: &Value) -> Option<i64> {
    value::number(port, "/nodePort").filter(|port| *port > 0)
}

impl Registry {
    /// Gives a Service the address and the ports it needs, and refuses those, and ranges of Nodes, that others hold.
    pub(super) fn allocate(&self, target: &Target, object: &mut Value, old: Option<&Value>) -> Result<(), Status> {
        if target.kind.group.is_empty() && target.kind.plural == "nodes" {
            return self.check_node(target, object, old);
        }
        if !is_service(target.kind) {
            return Ok(());
        }
        let before = old.map(held_by).unwrap_or_default();
        let allocation = Allocation { registry: self, target, before };
        allocation.address(object, old)?;
        allocation.ports(object, old)
    }
}

impl Registry {
    fn check_node(&self, target: &Target, node: &Value, old: Option<&Value>) -> Result<(), Status> {
        let before = old.map(held_by_node).unwrap_or_default();
        let state = self.parts.store.state();
        let taken = |key: &&Bytes| !before.contains(*key) && state.get(key).is_some();
        let ranges = ranges_of(node);
        match held_by_node(node).iter().find(taken) {
            None => Ok(()),
            Some(key) if ranges.contains(key) => {
                Err(Status::conflict(target.kind, &target.name, "another node has this range of pod addresses"))
            }
            Some(_) => Err(Status::conflict(target.kind, &target.name, "another node has this internal address")),
        }
    }
}

struct Allocation<'a> {
    registry: &'a Registry,
    target: &'a Target,
    /// What the Service holds already.
    before: BTreeSet<Bytes>,
}

impl Allocation<'_> {
    fn address(&self, service: &mut Value, old: Option<&Value>) -> Result<(), Status> {
        if value::text(service, "/spec/type") == Some("ExternalName") {
            return Ok(());
        }
        let address = match value::text(service, "/spec/clusterIP").unwrap_or_default() {
            "None" => "None".to_owned(),
            "" => match old.and_then(|old| value::text(old, "/spec/clusterIP")).filter(|kept| !kept.is_empty()) {
                Some(kept) => kept.to_owned(),
                None => self.free_address()?.to_string(),
            },
            wanted => {
                self.check_address(wanted)?;
                wanted.to_owned()
            }
        };
        service["spec"]["clusterIP"] = json!(address);
        service["spec"]["clusterIPs"] = json!([address]);
        Ok(())
    }

    /// An address somebody asks for; what is no address at all is left to validation.
    fn check_address(&self, wanted: &str) -> Result<(), Status> {
        let Ok(address) = wanted.parse::<IpAddr>() else { return Ok(()) };
        let network = self.registry.parts.service_cidr;
        if !network.contains(address) {
            let why =
                format!("failed to allocate IP {wanted}: the provided IP is not in the service network {network}");
            return Err(self.refuse("spec.clusterIPs", json!([wanted]), &why));
        }
        if self.is_free(&address_key(address)) {
            return Ok(());
        }
        let why = format!("failed to allocate IP {wanted}: provided IP is already allocated");
        Err(self.refuse("spec.clusterIPs", json!([wanted]), &why))
    }

    fn ports(&self, service: &mut Value, old: Option<&Value>) -> Result<(), Status> {
        let wanted = matches!(value::text(service, "/spec/type"), Some("NodePort" | "LoadBalancer"));
        let Some(ports) = service.pointer_mut("/spec/ports").and_then(Value::as_array_mut) else { return Ok(()) };
        let before = old.map(|old| value::list(old, "/spec/ports")).unwrap_or_default();
        if !wanted {
            forget_ports(ports, before);
            return Ok(());
        }
        let mut chosen: BTreeSet<i64> = ports.iter().filter_map(node_port).collect();
        for (index, port) in ports.iter_mut().enumerate() {
            match node_port(port) {
                Some(number) => self.check_port(index, number)?,
                None => {
                    let number = kept_port(port, before).filter(|kept| !chosen.contains(kept));
                    let number = number.map_or_else(|| self.free_port(&chosen), Ok)?;
                    chosen.insert(number);
                    port["nodePort"] = json!(number);
                }
            }
        }
        Ok(())
    }

    fn check_port(&self, index: usize, number: i64) -> Result<(), Status> {
        let field = format!("spec.ports[{index}].nodePort");
        if !NODE_PORTS.contains(&u16::try_from(number).unwrap_or_default()) {
            let why = format!(
                "provided port is not in the valid range. The range of valid ports is {}-{}",
                NODE_PORTS.start(),
                NODE_PORTS.end()
            );
            return Err(self.refuse(&field, json!(number), &why));
        }
        if self.is_free(&port_key(number)) {
            return Ok(());
        }
        Err(self.refuse(&field, json!(number), "provided port is already allocated"))
    }

    fn free_address(&self) -> Result<IpAddr, Status> {
        let IpNetwork::V4(network) = self.registry.parts.service_cidr else {
            return Err(Status::internal("cluster addresses are IPv4"));
        };
        let base = u64::from(u32::from(network.network()));
        // The last address is the broadcast address.
        let size = u64::from(network.size()).saturating_sub(1);
        let skip = if size > 4 * STATIC_ADDRESSES { STATIC_ADDRESSES } else { 1 };
        let address =
            |offset: u64| u32::try_from(base + skip + offset).ok().map(|bits| IpAddr::V4(Ipv4Addr::from(bits)));
        let found = self.find(size.saturating_sub(skip), |offset| {
            address(offset).is_some_and(|address| self.is_free(&address_key(address)))
        });
        found
            .and_then(address)
            .ok_or_else(|| self.exhausted("spec.clusterIPs", "the service network has no free address"))
    }

    fn free_port(&self, chosen: &BTreeSet<i64>) -> Result<i64, Status> {
        let first = i64::from(*NODE_PORTS.start());
        let count = NODE_PORTS.len() as u64;
        let number = |offset: u64| first + offset as i64;
        let found =
            self.find(count, |offset| !chosen.contains(&number(offset)) && self.is_free(&port_key(number(offset))));
        found.map(number).ok_or_else(|| self.exhausted("spec.ports", "there is no free node port"))
    }

    /// A number below `count` that is free: guessed, so that masters rarely choose the same, then searched for.
    fn find(&self, count: u64, is_free: impl Fn(u64) -> bool) -> Option<u64> {
        if count == 0 {
            return None;
        }
        let environment = &self.registry.parts.environment;
        let guess = (0..GUESSES).map(|_| environment.pick(count)).find(|guess| is_free(*guess));
        guess.or_else(|| (0..count).find(|number| is_free(*number)))
    }

    fn is_free(&self, key: &Bytes) -> bool {
        self.before.contains(key) || self.registry.parts.store.state().get(key).is_none()
    }

    fn refuse(&self, field: &str, found: Value, why: &str) -> Status {
        let error = FieldError::invalid(&FieldPath::new(field), found, why);
        Status::invalid(self.target.kind, &self.target.name, &FieldErrors::from_iter([error]))
    }

    fn exhausted(&self, field: &str, why: &str) -> Status {
        self.refuse(field, Value::Null, why)
    }
}

/// A Service that no longer has node ports gives back those it had, unless the caller names them, which validation
/// refuses.
fn forget_ports(ports: &mut [Value], before: &[Value]) {
    for port in ports {
        let kept = node_port(port).is_some_and(|number| before.iter().any(|old| node_port(old) == Some(number)));
        if let Some(fields) = port.as_object_mut().filter(|_| kept) {
            fields.remove("nodePort");
        }
    }
}

/// The node port that the same port had before.
fn kept_port(port: &Value, before: &[Value]) -> Option<i64> {
    let same = |old: &&Value| ["port", "protocol"].iter().all(|field| old.get(field) == port.get(field));
    before.iter().find(same).and_then(node_port)
}
