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
//!   Work, NetworkUpdate (bounded)  │ reads what is due
//!                    ▼             │
//!              pods, network ──▶ Uplink (latest wins)
//! ```

mod dialer;
mod error;
mod membership;
mod outbox;
mod pki;
mod receive;
mod renewal;
mod session;
mod supervisor;
mod token_client;
mod transmit;
mod uplink;
mod work;

pub use dialer::{StreamConnection, StreamDialError, StreamDialer};
pub use error::LinkError;
pub use membership::{Cluster, LinkConfig, Membership};
pub use supervisor::{Link, LinkGuard};
pub use token_client::{GrantedToken, TokenAsked, TokenError, TokenIssuer};
pub use uplink::Uplink;
pub use work::{NetworkUpdate, Work};
