//! How openraft is set up, and why.

use std::sync::Arc;
use std::time::Duration;

use openraft::{Config, ConfigError, SnapshotPolicy};

use crate::config::Tuning;

/// A snapshot of a large state, over a slow network.
const SNAPSHOT_TRANSFER: Duration = Duration::from_secs(300);

/// openraft's configuration for `tuning`.
pub(crate) fn raft_config(cluster: &str, tuning: &Tuning) -> Result<Arc<Config>, ConfigError> {
    let config = Config {
        cluster_name: cluster.to_owned(),
        heartbeat_interval: millis(tuning.heartbeat),
        election_timeout_min: millis(tuning.election_min),
        election_timeout_max: millis(tuning.election_max),
        install_snapshot_timeout: millis(SNAPSHOT_TRANSFER),
        max_payload_entries: 4096,
        // A follower that lags gets entries as long as there are any; a snapshot only when they are purged.
        replication_lag_threshold: u64::MAX,
        // `maintenance.rs` says when: it counts bytes too, and keeps the log back to the older of two snapshots.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX / 2,
        // A member that comes back (from a cut, a restart) must not depose a healthy leader.
        enable_pre_vote: Some(true),
        // A leader that lost its majority falls silent in turns, so that the others can elect.
        quorum_loss_probe_interval: Some(millis(tuning.election_max) * 3),
        // A leader that restarts and goes on leading without an election does not know what was committed while it
        // was away, and answers linearizable reads from an old state.
        enable_leader_restore: Some(false),
        // A peer is dialled again soon, or a restarted one would wait for its leader.
        backoff: "50ms 100ms ...400ms".to_owned(),
        ..Config::default()
    };
    config.validate().map(Arc::new)
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}
