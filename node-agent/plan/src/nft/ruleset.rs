//! The fixed part of the table.

use ipnetwork::Ipv4Network;

use super::TABLE;

/// The networks that the fixed rules speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Networks {
    /// All pods of the cluster.
    pub cluster: Ipv4Network,
    /// All services of the cluster.
    pub services: Ipv4Network,
}

/// Replaces the table by one without services. Followed by elements in the same transaction, nobody sees it empty.
///
/// Masqueraded are: an endpoint that talks to itself through its service, since the answer would not pass this node's
/// connection tracking else; whoever is no pod and reaches a service, so that the answer comes back through this node; and
/// pods that leave the cluster. Whatever is still addressed to a service after translation has no endpoint.
pub fn base(networks: &Networks) -> String {
    let Networks { cluster, services } = networks;
    format!(
        r#"table ip {TABLE}
delete table ip {TABLE}
table ip {TABLE} {{
	map services {{
		type ipv4_addr . inet_proto . inet_service : verdict
	}}
	map node-ports {{
		type inet_proto . inet_service : verdict
	}}
	map endpoints {{
		type ipv4_addr . inet_proto . inet_service . mark : ipv4_addr . inet_service
	}}
	map node-endpoints {{
		type inet_proto . inet_service . mark : ipv4_addr . inet_service
	}}
	map affinity {{
		type ipv4_addr . ipv4_addr . inet_proto . inet_service : mark
		size 65536
		flags dynamic,timeout
	}}
	set rejected-ports {{
		type inet_proto . inet_service
	}}
	set hairpin {{
		type ipv4_addr . ipv4_addr
	}}
	chain dispatch {{
		ip daddr . meta l4proto . th dport vmap @services
		fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @node-ports
	}}
	chain prerouting {{
		type nat hook prerouting priority -100; policy accept;
		jump dispatch
	}}
	chain output {{
		type nat hook output priority -100; policy accept;
		jump dispatch
	}}
	chain postrouting {{
		type nat hook postrouting priority 100; policy accept;
		ct status dnat ip saddr . ip daddr @hairpin masquerade
		ct status dnat ip saddr != {cluster} oifname != "lo" masquerade
		ip saddr {cluster} ip daddr != {cluster} oifname != "lo" masquerade
	}}
	chain unserved-forward {{
		type filter hook forward priority 0; policy accept;
		ip daddr {services} reject
	}}
	chain unserved-output {{
		type filter hook output priority 0; policy accept;
		ip daddr {services} reject
	}}
	chain unserved-input {{
		type filter hook input priority 0; policy accept;
		fib daddr type local meta l4proto . th dport @rejected-ports reject
	}}
}}
"#
    )
}
