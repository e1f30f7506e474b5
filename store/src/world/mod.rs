//! What a member stands on: its disk, clock, network and checkpoint database, and who waits for the disk.
//!
//! The rest of the crate takes bytes, wall time and connections from here only, and all other time from `tokio::time`. So a
//! simulation can put its own in their place, and the code that it runs is the code that ships.

mod clock;
mod network;
mod workers;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

pub use clock::{Clock, SystemClock};
pub use network::{Incoming, PeerIo, PeerListener, PeerNetwork, PeerStream};
use tokio::net::TcpListener;
pub use workers::{DiskFailed, Workers};

pub use crate::checkpoint::Checkpoint;
use crate::config::PeerTls;
use crate::disk::{Disk, RealDisk};
use crate::network::{TlsListener, TlsNetwork};

/// Everything outside a member.
pub struct World {
    /// Where log, snapshots and the member's identity are.
    pub disk: Arc<dyn Disk>,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// How peers are called.
    pub network: Arc<dyn PeerNetwork>,
    /// Where peers call.
    pub listener: Box<dyn PeerListener>,
    /// The checkpoint database.
    pub checkpoint: Checkpoint,
    /// Names this life of the process among all that ever proposed; drawn anew at each start, not 0.
    pub session: u64,
}

impl World {
    /// The machine this runs on, with TLS on all connections.
    pub fn real(listener: TcpListener, tls: PeerTls) -> World {
        World {
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock),
            network: Arc::new(TlsNetwork::new(tls.client)),
            listener: Box::new(TlsListener::new(listener, &tls.server)),
            checkpoint: Checkpoint::Sled,
            session: draw(),
        }
    }
}

/// A number that nobody else has, in all likelihood: the hasher's keys come from the system's random source.
fn draw() -> u64 {
    RandomState::new().build_hasher().finish().max(1)
}
