//! What is measured while the store works, and how it is offered to Prometheus.
//!
//! Names are etcd's where the meaning is the same, so that dashboards and alerts that people have go on working. What
//! can be read off when it is asked for (who leads, how far the log is applied) is collected then; only durations and
//! counts are kept here.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use xebec_kv::{Body, Event};

use crate::config::Tuning;
use crate::core::Core;
use crate::slow::SlowLog;

/// As etcd counts.
const SLOW_READ_INDEX: Duration = Duration::from_millis(100);

/// Durations and counts of one member. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Instruments {
    fsync: Histogram,
    commit: Histogram,
    apply: Histogram,
    snapshot: Histogram,
    pending: Gauge,
    failed: Counter,
    leader_changes: Counter,
    slow_applies: Counter<u64, AtomicU64>,
    txns: Counter,
    puts: Counter,
    deletes: Counter,
    compacted: Counter,
    leases: Leases,
    failed_heartbeats: Counter,
    failed_read_indexes: Counter,
    slow_read_indexes: Counter,
    slow_fsync: Arc<SlowLog>,
    slow_apply: Arc<SlowLog>,
}

/// What became of leases.
#[derive(Clone, Debug, Default)]
struct Leases {
    granted: Counter,
    renewed: Counter,
    revoked: Counter,
    expired: Counter,
}

/// A proposal under way; counted until it is dropped.
pub(crate) struct Pending(Gauge);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A heartbeat under way; dropped without an answer, it has failed.
pub(crate) struct Heartbeat(Option<Counter>);

impl Heartbeat {
    pub(crate) fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        if let Some(failed) = self.0.take() {
            failed.inc();
        }
    }
}

impl Instruments {
    pub(crate) fn new(tuning: &Tuning) -> Instruments {
        // etcd's buckets: from 1 ms to 8 s, apply from 0.1 ms.
        let disk = || Histogram::new(exponential_buckets(0.001, 2.0, 14));
        Instruments {
            fsync: disk(),
            commit: disk(),
            apply: Histogram::new(exponential_buckets(0.0001, 2.0, 20)),
            snapshot: Histogram::new(exponential_buckets(0.01, 2.0, 16)),
            pending: Gauge::default(),
            failed: Counter::default(),
            leader_changes: Counter::default(),
            slow_applies: Counter::default(),
            txns: Counter::default(),
            puts: Counter::default(),
            deletes: Counter::default(),
            compacted: Counter::default(),
            leases: Leases::default(),
            failed_heartbeats: Counter::default(),
            failed_read_indexes: Counter::default(),
            slow_read_indexes: Counter::default(),
            slow_fsync: Arc::new(SlowLog::new("fsync", tuning.slow_fsync)),
            slow_apply: Arc::new(SlowLog::new("apply", tuning.slow_apply)),
        }
    }

    /// A sync of the log.
    pub(crate) fn synced(&self, took: Duration, path: &Path) {
        self.fsync.observe(took.as_secs_f64());
        self.slow_fsync.note(took, || path.display().to_string());
    }

    /// A checkpoint that reached the disk.
    pub(crate) fn checkpointed(&self, took: Duration) {
        self.commit.observe(took.as_secs_f64());
    }

    /// A snapshot that reached the disk.
    pub(crate) fn snapshotted(&self, took: Duration) {
        self.snapshot.observe(took.as_secs_f64());
    }

    /// A command was applied.
    pub(crate) fn applied(&self, took: Duration, what: impl FnOnce() -> String) {
        self.apply.observe(took.as_secs_f64());
        if self.slow_apply.is_slow(took) {
            self.slow_applies.inc();
            self.slow_apply.note(took, what);
        }
    }

    /// What a command did, unless it was refused.
    pub(crate) fn changed(&self, body: &Body, events: &[Event]) {
        match body {
            Body::Txn(_) => self.txns.inc(),
            Body::LeaseGrant { .. } => self.leases.granted.inc(),
            Body::LeaseRenew { .. } => self.leases.renewed.inc(),
            Body::LeaseRevoke { .. } => self.leases.revoked.inc(),
            Body::Compact { .. } | Body::HashCheck { .. } => 0,
        };
        let puts = events.iter().filter(|event| event.current.is_some()).count();
        self.puts.inc_by(puts as u64);
        self.deletes.inc_by((events.len() - puts) as u64);
    }

    /// This leader has revoked a lease whose time had passed.
    pub(crate) fn lease_expired(&self) {
        self.leases.expired.inc();
    }

    /// A heartbeat is about to be sent.
    pub(crate) fn heartbeat(&self) -> Heartbeat {
        Heartbeat(Some(self.failed_heartbeats.clone()))
    }

    /// So many versions were forgotten.
    pub(crate) fn compacted(&self, versions: u64) {
        self.compacted.inc_by(versions);
    }

    /// A read asked how far it must wait.
    pub(crate) fn read_index(&self, took: Duration, failed: bool) {
        if failed {
            self.failed_read_indexes.inc();
        } else if took >= SLOW_READ_INDEX {
            self.slow_read_indexes.inc();
        }
    }

    /// A batch of commands was applied, and the observer told of it.
    pub(crate) fn applied_batch(&self, start: Instant, what: impl FnOnce() -> String) {
        self.slow_apply.note(start.elapsed(), what);
    }

    pub(crate) fn proposed(&self) -> Pending {
        self.pending.inc();
        Pending(self.pending.clone())
    }

    pub(crate) fn proposal_failed(&self) {
        self.failed.inc();
    }

    pub(crate) fn leader_changed(&self) {
        self.leader_changes.inc();
    }

    fn register(&self, registry: &mut Registry) {
        let histograms = [
            ("etcd_disk_wal_fsync_duration_seconds", "How long syncs of the log took", &self.fsync),
            ("etcd_disk_backend_commit_duration_seconds", "How long checkpoints took", &self.commit),
            ("etcd_server_apply_duration_seconds", "How long applying a command took", &self.apply),
            ("etcd_snap_fsync_duration_seconds", "How long writing a snapshot took", &self.snapshot),
        ];
        for (name, help, histogram) in histograms {
            registry.register(name, help, histogram.clone());
        }
        registry.register("etcd_server_proposals_pending", "Proposals of this member under way", self.pending.clone());
        let counters = [
            ("etcd_server_proposals_failed", "Proposals of this member that failed", &self.failed),
            ("etcd_server_leader_changes_seen", "Changes of leader that this member saw", &self.leader_changes),
            ("etcd_server_slow_apply", "Commands that took too long to apply", &self.slow_applies),
            ("etcd_server_read_indexes_failed", "Linearizable reads without an answer", &self.failed_read_indexes),
            ("etcd_server_slow_read_indexes", "Linearizable reads that waited 100 ms or more", &self.slow_read_indexes),
            ("etcd_mvcc_txn", "Transactions applied", &self.txns),
            ("etcd_mvcc_put", "Keys put", &self.puts),
            ("etcd_mvcc_delete", "Keys deleted", &self.deletes),
            ("etcd_server_heartbeat_send_failures", "Heartbeats of this leader that failed", &self.failed_heartbeats),
            ("etcd_debugging_lease_granted", "Leases granted", &self.leases.granted),
            ("etcd_debugging_lease_renewed", "Leases renewed", &self.leases.renewed),
            ("etcd_debugging_lease_revoked", "Leases revoked, the expired ones included", &self.leases.revoked),
            ("etcd_debugging_server_lease_expired", "Leases that expired under this leader", &self.leases.expired),
            ("etcd_debugging_mvcc_db_compaction_keys", "Versions that compaction has dropped", &self.compacted),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
    }
}

/// Offers all of a member's metrics.
pub(crate) fn register(core: &Arc<Core>, registry: &mut Registry) {
    core.instruments.register(registry);
    registry.register_collector(Box::new(Readings(core.clone())));
}

/// What is read off when it is asked for.
struct Readings(Arc<Core>);

impl fmt::Debug for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Readings(member {})", self.0.node_id)
    }
}

impl Collector for Readings {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let status = self.0.status();
        let state = self.0.board.image().state.clone();
        let committed = self.0.committed_index().max(status.applied_index);
        let feed = self.0.board.feed();
        let counters = [
            ("etcd_debugging_mvcc_events", "Events given to watches", feed.events()),
            ("xebec_store_watch_history_reads", "Reads of watches that were behind the newest changes", feed.behind()),
            ("etcd_disk_wal_write_bytes", "Bytes written to the log", self.0.wal.written()),
            ("etcd_server_proposals_committed", "The last entry known to be committed", committed),
            ("etcd_server_proposals_applied", "The last entry applied", status.applied_index),
        ];
        for (name, help, value) in counters {
            let encoder = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(encoder)?;
        }
        let gauges = [
            ("etcd_server_has_leader", "Whether somebody leads who shows it", u64::from(status.is_led())),
            ("etcd_server_is_leader", "Whether this member leads", u64::from(status.leadership.is_leader)),
            ("etcd_server_is_learner", "Whether this member does not vote", u64::from(!status.votes())),
            ("etcd_mvcc_db_total_size_in_bytes", "Log, checkpoint and snapshots on disk", self.0.disk_bytes()),
            ("etcd_mvcc_db_total_size_in_use_in_bytes", "Keys and values, history included", state.bytes()),
            ("etcd_debugging_mvcc_keys_total", "Keys that exist", state.keys()),
            ("etcd_debugging_mvcc_watcher_total", "Open watches of the store", feed.watchers()),
            ("etcd_debugging_mvcc_current_revision", "The newest revision", status.revision),
            ("etcd_debugging_mvcc_compact_revision", "The oldest readable revision", status.compact_revision),
            ("xebec_store_term", "The term of the consensus", status.leadership.term),
            ("xebec_store_last_log_index", "The last entry of this member's log", status.last_log_index),
            ("xebec_store_members", "Members of the cluster", status.members.len() as u64),
            ("xebec_store_free_bytes", "Free space where the store is", self.0.space.free()),
            ("xebec_store_no_space", "Whether writes are refused for want of space", u64::from(self.0.space.short())),
        ];
        for (name, help, value) in gauges {
            let encoder = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(encoder)?;
        }
        let labels = [
            ("etcd_server_id", "This member's id", ("server_id", format!("{:x}", status.node_id))),
            ("etcd_server_version", "Xebec's version", ("server_version", env!("CARGO_PKG_VERSION").to_owned())),
        ];
        for (name, help, label) in labels {
            let mut encoder = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(1_u64).encode(encoder.encode_family(&[label])?)?;
        }
        Ok(())
    }
}

impl Core {
    /// How much of the disk the store takes.
    fn disk_bytes(&self) -> u64 {
        let parts = ["wal", "snap", "state.sled"].map(|part| self.data_dir.join(part));
        parts.iter().map(|dir| bytes_in(dir)).sum()
    }
}

/// The bytes in a directory's files. A file that goes meanwhile counts nothing.
fn bytes_in(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .filter(|file| file.is_file())
        .map(|file| file.len())
        .sum()
}
