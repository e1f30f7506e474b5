//! The masters' side of the node agents' sessions.
//!
//! Every agent keeps a session with every master. Each master hears all heartbeats and so knows by itself which nodes live;
//! the one that an agent has subscribed to sends it its work and writes its reports. Nothing per event grows with the number
//! of all pods: what is to be sent is kept per node.
//!
//! ```text
//!  watch cache ──changes──▶ projector (one task, pure Projection) ──batches──▶ outbox ──▶ agent     (bounded: full is cut)
//!  registry ◀── pod, node, event writers (per subscribed session) ◀── session reader ◀── agent      (latest wins)
//!  runtime  ◀── Liveness (memory) ◀────────────────────────────────────────┘
//! ```

mod hub;
mod liveness;
mod outbox;
mod projection;
mod projector;
mod quorum;
mod reports;
mod service;
mod session;
mod sessions;
mod streams;
#[cfg(test)]
mod tests;

pub use hub::{NodeHub, NodeHubConfig};
pub use liveness::{NodeLiveness, NodeUsageReport};
pub use service::NodesService;
pub use streams::{NodeStream, NodeStreams};
