//! Which nftables rules and map elements make services work.
//!
//! The rules are few and fixed; what grows with the services are elements of flat maps, so a change costs the same in a
//! cluster of ten services and of ten thousand:
//!
//! ```text
//! address . protocol . port ──@services──▶ chain vip-N ── mark := random mod N ──@endpoints──▶ DNAT to address . port
//!           protocol . port ──@node-ports─▶ chain node-N ─ mark := random mod N ──@node-endpoints──▶ DNAT
//! ```
//!
//! N is the number of endpoints, so there are as many chains as there are different numbers, and chains stay. A service
//! without endpoints has no elements; whatever is still addressed to a service after DNAT is rejected. The mark carries the
//! random index because nft can use it as a key of a map; it has a base of its own, to keep off marks that others use.

mod element;
mod rules;
mod ruleset;
mod service;

pub use element::{Balancer, Element, Face};
pub use rules::{Removed, Rules, Transaction};
pub use ruleset::{Networks, base};
pub use service::{Endpoint, Port, Protocol, Service, ServiceName};

/// The table's name.
pub const TABLE: &str = "xebec";
/// The index of the first endpoint, as a mark: `xb` in ASCII, shifted.
pub(crate) const MARK_BASE: u32 = 0x7862_0000;
