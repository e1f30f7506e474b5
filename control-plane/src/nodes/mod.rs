//! The masters' side of the node agents' sessions.
//!
//! Every agent keeps a session with every master. Each master hears all heartbeats and so knows by itself which nodes live;
//! the one that an agent has subscribed to sends it its work and writes its reports. Nothing per event grows with the number
//! of all pods: what is to be sent is kept per node.

mod liveness;
mod streams;

pub use liveness::{NodeLiveness, NodeUsageReport};
pub use streams::{NodeStream, NodeStreams};
