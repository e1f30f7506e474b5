//! The agent's sessions with the masters.
//!
//! The agent keeps a session with every master and heartbeats on all of them, so that each master knows by itself which
//! nodes live. Work comes from the one master that the agent has subscribed to; when that session is lost, another takes
//! over and sends everything anew. Nothing that happens here touches a running pod.
//!
//! ```text
//!             ┌────────────── supervisor ──────────────┐ decides by xebec_node_plan::link
//!             │ session(m1)   session(m2)   session(m3)│ one task per master
//!             └──────┬─────────────▲───────────────────┘
//!   Work, NetworkChange (bounded)  │ reads what is due
//!                    ▼             │
//!              pods, network ──▶ Uplink (latest wins)
//! ```

mod dialer;
mod outbox;
mod uplink;
mod work;

pub use dialer::{StreamConnection, StreamDialer, StreamDialError};
pub use uplink::Uplink;
pub use work::{NetworkUpdate, Work};
