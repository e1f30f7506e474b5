//! What is programmed, and the smallest transaction from there to what should be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::Ipv4Addr;

use ipnetwork::Ipv4Network;

use super::{Balancer, Element, Endpoint, Face, Networks, Port, Protocol, Service, ServiceName, TABLE, base};

/// An endpoint that a UDP port has lost. Connection tracking still leads its clients there, and UDP never says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Removed {
    /// The endpoint.
    pub endpoint: Endpoint,
}

/// A change of the programmed rules. It is applied as a whole or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Chains that do not exist yet.
    pub chains: BTreeSet<Balancer>,
    /// Elements that go; they go before the others come.
    pub removed: BTreeSet<Element>,
    /// Elements that come.
    pub added: BTreeSet<Element>,
    /// UDP endpoints that went.
    pub stale_udp: BTreeSet<Removed>,
}

impl Transaction {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty() && self.removed.is_empty() && self.added.is_empty()
    }

    /// As `nft -f` reads it.
    pub fn script(&self) -> String {
        let mut script = String::new();
        for chain in &self.chains {
            push_chain(&mut script, chain);
        }
        push_elements(&mut script, "delete", &self.removed, Element::key);
        push_elements(&mut script, "add", &self.added, Element::entry);
        script
    }
}

fn push_chain(script: &mut String, chain: &Balancer) {
    let line = |script: &mut String, text: std::fmt::Arguments<'_>| {
        script.write_fmt(text).expect("a String takes everything");
        script.push('\n');
    };
    line(script, format_args!("add chain ip {TABLE} {chain}"));
    for rule in chain.rules() {
        line(script, format_args!("add rule ip {TABLE} {chain} {rule}"));
    }
}

/// One command a map. The set is ordered by map, so each is one run.
fn push_elements(script: &mut String, verb: &str, elements: &BTreeSet<Element>, text: fn(&Element) -> String) {
    let mut containers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for element in elements {
        containers.entry(element.container()).or_default().push(text(element));
    }
    for (container, entries) in containers {
        let entries = entries.join(", ");
        writeln!(script, "{verb} element ip {TABLE} {container} {{ {entries} }}").expect("a String takes everything");
    }
}

/// A port's endpoints in the places they have. Places are kept: a client that sticks to a place keeps its endpoint.
type Places = BTreeMap<(Protocol, u16), Vec<Endpoint>>;

#[derive(Debug, Clone, Default)]
struct Programmed {
    places: Places,
    elements: BTreeSet<Element>,
}

/// All services as they are programmed.
#[derive(Debug, Clone)]
pub struct Rules {
    networks: Networks,
    local: Option<Ipv4Network>,
    services: BTreeMap<ServiceName, Programmed>,
    chains: BTreeSet<Balancer>,
    hairpins: BTreeMap<Ipv4Addr, usize>,
}

impl Rules {
    /// No services. `local` is the subnet of this node's pods.
    pub fn new(networks: Networks, local: Option<Ipv4Network>) -> Rules {
        let (services, chains, hairpins) = Default::default();
        Rules { networks, local, services, chains, hairpins }
    }

    /// The services that are programmed.
    pub fn names(&self) -> impl Iterator<Item = &ServiceName> {
        self.services.keys()
    }

    /// Takes in new states of services (`None`: gone) and says what to change. Costs nothing for the others.
    pub fn update<'a>(
        &mut self,
        changed: impl IntoIterator<Item = (&'a ServiceName, Option<&'a Service>)>,
    ) -> Transaction {
        let mut transaction = Transaction::default();
        for (name, service) in changed {
            self.set(name, service, &mut transaction);
        }
        // An element that one service gives up and another takes in the same transaction stays as it is.
        let both: Vec<Element> = transaction.removed.intersection(&transaction.added).copied().collect();
        for element in both {
            transaction.removed.remove(&element);
            transaction.added.remove(&element);
        }
        transaction
    }

    /// The whole table, as one script that replaces whatever is there.
    pub fn whole(&self) -> String {
        let services = self.services.values().flat_map(|service| service.elements.iter().copied());
        let added = services.chain(self.hairpins.keys().copied().map(Element::Hairpin)).collect();
        let all = Transaction { chains: self.chains.clone(), added, ..Transaction::default() };
        base(&self.networks) + &all.script()
    }

    /// All endpoints of UDP ports.
    pub fn udp_endpoints(&self) -> BTreeSet<Endpoint> {
        let places = self.services.values().flat_map(|service| &service.places);
        let udp = places.filter(|((protocol, _), _)| *protocol == Protocol::Udp);
        udp.flat_map(|(_, endpoints)| endpoints.iter().copied()).collect()
    }

    fn set(&mut self, name: &ServiceName, service: Option<&Service>, transaction: &mut Transaction) {
        let before = self.services.remove(name).unwrap_or_default();
        let after = service.map(|service| program(service, &before.places)).unwrap_or_default();
        transaction.removed.extend(before.elements.difference(&after.elements));
        transaction.added.extend(after.elements.difference(&before.elements));
        transaction.stale_udp.extend(stale_udp(&before.places, &after.places));
        for chain in after.elements.iter().filter_map(Element::balancer) {
            if self.chains.insert(chain) {
                transaction.chains.insert(chain);
            }
        }
        self.count_hairpins(&before.places, &after.places, transaction);
        if service.is_some() {
            self.services.insert(name.clone(), after);
        }
    }

    fn count_hairpins(&mut self, before: &Places, after: &Places, transaction: &mut Transaction) {
        for address in self.local_addresses(after) {
            let users = self.hairpins.entry(address).or_default();
            *users += 1;
            if *users == 1 {
                transaction.added.insert(Element::Hairpin(address));
            }
        }
        for address in self.local_addresses(before) {
            let users = self.hairpins.get_mut(&address);
            let last = users.is_some_and(|users| {
                *users -= 1;
                *users == 0
            });
            if last {
                self.hairpins.remove(&address);
                transaction.removed.insert(Element::Hairpin(address));
            }
        }
    }

    fn local_addresses(&self, places: &Places) -> Vec<Ipv4Addr> {
        let Some(local) = self.local else { return Vec::new() };
        places.values().flatten().map(|endpoint| endpoint.address).filter(|address| local.contains(*address)).collect()
    }
}

fn program(service: &Service, before: &Places) -> Programmed {
    let mut programmed = Programmed::default();
    for port in &service.ports {
        let place = (port.protocol, port.port);
        let none = Vec::new();
        let endpoints = assign_places(before.get(&place).unwrap_or(&none), &port.endpoints);
        programmed.elements.extend(elements(service, port, &endpoints));
        programmed.places.insert(place, endpoints);
    }
    programmed
}

/// Keeps the places of endpoints that stay, and fills the gaps with new ones, then with the last ones.
fn assign_places(before: &[Endpoint], wanted: &[Endpoint]) -> Vec<Endpoint> {
    let wanted: BTreeSet<Endpoint> = wanted.iter().copied().collect();
    let mut new = wanted.iter().filter(|endpoint| !before.contains(endpoint)).copied();
    let mut places = Vec::with_capacity(wanted.len());
    for endpoint in before {
        let place = if wanted.contains(endpoint) { Some(*endpoint) } else { new.next() };
        places.push(place);
    }
    places.extend(new.map(Some));
    while let Some(gap) = places.iter().position(Option::is_none) {
        let last = places.pop().flatten();
        if gap < places.len() {
            places[gap] = last;
        }
    }
    places.into_iter().flatten().collect()
}

fn elements(service: &Service, port: &Port, endpoints: &[Endpoint]) -> Vec<Element> {
    let (protocol, count) = (port.protocol, u32::try_from(endpoints.len()).unwrap_or(u32::MAX));
    let balancer = |face| Balancer { face, count, affinity_seconds: service.affinity_seconds };
    let mut elements = Vec::new();
    if port.node_port != 0 && count == 0 {
        elements.push(Element::RejectedPort { protocol, port: port.node_port });
    }
    if count == 0 {
        return elements;
    }
    if let Some(vip) = service.cluster_ip {
        let port = port.port;
        elements.push(Element::Service { vip, protocol, port, balancer: balancer(Face::Vip) });
        let endpoint = |(index, to): (u32, &Endpoint)| Element::Endpoint { vip, protocol, port, index, to: *to };
        elements.extend((0..).zip(endpoints).map(endpoint));
    }
    if port.node_port != 0 {
        let port = port.node_port;
        elements.push(Element::NodePort { protocol, port, balancer: balancer(Face::Node) });
        let endpoint = |(index, to): (u32, &Endpoint)| Element::NodeEndpoint { protocol, port, index, to: *to };
        elements.extend((0..).zip(endpoints).map(endpoint));
    }
    elements
}

fn stale_udp(before: &Places, after: &Places) -> Vec<Removed> {
    let udp = before.iter().filter(|((protocol, _), _)| *protocol == Protocol::Udp);
    let gone = udp.flat_map(|(place, endpoints)| {
        let kept = after.get(place);
        endpoints.iter().filter(move |endpoint| !kept.is_some_and(|kept| kept.contains(endpoint)))
    });
    gone.map(|endpoint| Removed { endpoint: *endpoint }).collect()
}

#[cfg(test)]
mod tests;
