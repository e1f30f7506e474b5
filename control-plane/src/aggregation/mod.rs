//! Aggregated APIs: groups and versions that servers in the cluster serve, as if this master did.
//!
//! An APIService with `spec.service` sends a group's version to a Service; one without stands for what the masters serve themselves.
//! Every master follows the APIServices in its cache, and asks each server from time to time what it serves, so that discovery
//! never waits for a server. Only the leader writes: it keeps the APIServices of what masters serve, and says of the others whether they are
//! available.
//!
//! ```text
//!  cache ─APIServices─► follow ─► Index ◄─ REST: which path is whose, discovery, OpenAPI
//!                          └─ a task for each Remote: ask its server, through the Dialler ─► what it serves; on the leader: Available
//!  cache ─APIServices, definitions─► keeper (leader) ─► the APIServices of what masters serve
//! ```

mod availability;
mod follow;
pub mod identity;
mod index;
mod keeper;
mod local;
mod remote;
mod resources;

pub use follow::{Follow, follow};
pub use index::Aggregator;
pub use keeper::keep;
pub use local::{group_priority, version_priority};
pub use remote::{Remote, Served};
