//! What a store needs to be told.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::observer::ApplyObserver;
use crate::world::World;

/// Where a store lives, who it is, and who listens to it.
pub struct StoreConfig {
    /// The directory that holds `wal/`, `state.sled/` and `snap/`; made if absent, mode 0700.
    pub data_dir: PathBuf,
    /// Written into the data directory at first and compared ever after; also part of every peer message.
    pub cluster_id: String,
    /// Unique in the cluster and never used again, neither after a removal nor for an emptied directory; not 0.
    pub node_id: u64,
    /// Whether this member has had its directory before. Then an empty one is refused: a member that has forgotten what
    /// it acknowledged must not vote.
    pub has_history: bool,
    /// For people.
    pub name: String,
    /// `host:port` under which peers reach the listener of [`StoreConfig::world`].
    pub peer_address: String,
    /// `host:port` of this master's API, told to all members.
    pub api_address: String,
    /// Disk, clock and network; [`World::real`] but for simulations.
    pub world: World,
    /// Told of everything applied.
    pub observer: Arc<dyn ApplyObserver>,
    /// Times and bounds.
    pub tuning: Tuning,
}

/// Both directions demand a certificate of the peer CA.
#[derive(Clone)]
pub struct PeerTls {
    /// For incoming connections; must verify client certificates.
    pub server: Arc<rustls::ServerConfig>,
    /// For outgoing connections; must present a client certificate.
    pub client: Arc<rustls::ClientConfig>,
}

/// Times and bounds, with defaults for three masters in one data centre.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// How often a leader shows that it lives. Heartbeats never wait for a disk.
    pub heartbeat: Duration,
    /// A follower stands for election when it has heard nothing for `election_max` and a random time between the two.
    /// Below about five heartbeats, a busy machine deposes healthy leaders.
    pub election_min: Duration,
    /// See [`Tuning::election_min`]; also the leader's lease.
    pub election_max: Duration,
    /// A leader whom no majority has answered for so long stops sending, so that the others elect.
    pub quorum_loss: Duration,
    /// Size of a log segment.
    pub segment_bytes: u64,
    /// Log entries after which a snapshot is made and the log before the previous snapshot is dropped.
    pub snapshot_entries: u64,
    /// Log bytes after which the same happens; fewer when the state is smaller: a snapshot costs about what the log since the one
    /// before did.
    pub snapshot_bytes: u64,
    /// How long history is kept for watches and reads in the past.
    pub history_age: Duration,
    /// How many revisions of history are kept at most.
    pub history_revisions: u64,
    /// Bytes of the newest changes kept at hand for watches, while there are any; older ones are read from history, until that is compacted.
    pub watch_bytes: u64,
    /// How often the state is brought to the checkpoint database.
    pub checkpoint_interval: Duration,
    /// Proposals that may be under way on this member; more are refused as [`crate::StoreError::Overloaded`].
    pub max_inflight: usize,
    /// Bytes of proposals that may be under way on this member.
    pub max_inflight_bytes: usize,
    /// Largest value.
    pub max_value_bytes: usize,
    /// Largest transaction.
    pub max_txn_bytes: usize,
    /// Most operations and comparisons in a transaction.
    pub max_txn_ops: usize,
    /// Free bytes on the disk below which the state may not grow. A snapshot and some log segments must fit into it.
    pub space_reserve: u64,
    /// From when on a sync of the log is logged as slow.
    pub slow_fsync: Duration,
    /// From when on applying a command is logged as slow.
    pub slow_apply: Duration,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning {
            heartbeat: Duration::from_millis(60),
            election_min: Duration::from_millis(220),
            election_max: Duration::from_millis(360),
            quorum_loss: Duration::from_millis(600),
            segment_bytes: 16 << 20,
            snapshot_entries: 250_000,
            snapshot_bytes: 64 << 20,
            history_age: Duration::from_secs(600),
            history_revisions: 100_000,
            watch_bytes: 16 << 20,
            checkpoint_interval: Duration::from_secs(1),
            max_inflight: 8_192,
            max_inflight_bytes: 64 << 20,
            max_value_bytes: 3 << 19,
            max_txn_bytes: 4 << 20,
            max_txn_ops: 1_024,
            space_reserve: 128 << 20,
            slow_fsync: Duration::from_millis(250),
            slow_apply: Duration::from_millis(100),
        }
    }
}
