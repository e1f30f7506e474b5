//! Fair queuing of requests, by FlowSchema and PriorityLevelConfiguration, so that a flood of one caller starves nobody.
//!
//! A request is matched by the first FlowSchema that fits it, which names a priority level and tells its flows apart. Each level has
//! seats of its own, lends those it does not need, and keeps who finds no seat in queues. A flow may use a few of the queues only, and
//! the queue that was served least is served next; so a flow with a thousand requests fills its own queues, and a flow with one request
//! is next.
//!
//! ```text
//! request ─► schema ─► level: a free seat? ─┬─► runs, and holds its seats until it is answered
//!              │                            ├─► waits in the shortest of its flow's queues, for QUEUE_WAIT at most
//!              └─ flow: user or namespace    └─► 429: the queue is full, or the level does not queue
//! ```
//!
//! `core` and `queues` decide, without a clock and without tasks; `door` waits and wakes. `config` reads the objects of the cluster, which
//! `reload` follows; the objects that every cluster begins with are in `defaults`.

mod config;
mod core;
#[cfg(test)]
mod core_tests;
pub mod defaults;
mod door;
mod flow;
mod level;
mod metrics;
mod queues;
mod reload;

pub use config::Config;
pub use door::{Admitted, Classification, Fairness, Refused, Seat};
pub use reload::follow;
