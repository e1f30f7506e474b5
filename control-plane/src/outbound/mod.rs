//! How a master calls others: pods and Services, which are in a network that it is not part of, and hosts.
//!
//! A node opens no port to masters; its agent keeps a session with every one of them. So a connection to a pod is a stream over the
//! session with the pod's node, whose agent dials the pod's address: what comes out here is a stream of bytes like any other, and TLS
//! and HTTP run on top of it.
//!
//! ```text
//!  webhooks, proxy, aggregated APIs ─► Dialler ─┬─ pod, or a ready endpoint of a Service ─► the node's session ─► its agent ─► the pod
//!                                               └─ an endpoint that is no pod, or a host ─► TCP
//! ```

mod connection;
mod dial;
mod endpoints;
mod error;
pub mod tls;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use connection::{Connection, Duplex};
pub use dial::{Dialler, Reach, ServiceRef};
pub use endpoints::PortRef;
pub use error::DialError;
