//! Audit: who asked for what, when, from where, and what came of it; a line of JSON for each request, of the shape `audit.k8s.io/v1`.
//!
//! Everything is recorded at the level Metadata: no body is, neither of a request nor of an answer, so no Secret can be. Health, version and
//! metrics are not recorded. A request is recorded when it is answered; a stream when it begins and when it ends.
//!
//! Requests never wait for the disk: lines go through a queue to a thread that writes them. When that falls behind by `QUEUE` lines, further
//! ones are lost; how many is a metric (`apiserver_audit_error_total`), and a warning in the log.

mod annotations;
mod event;
mod file;
mod record;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

pub use annotations::Annotations;
pub use record::{Record, Subject};

/// Lines on their way to the disk at once; about 8 MiB.
const QUEUE: usize = 8_192;

/// Where and how much is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditConfig {
    /// Where.
    pub place: AuditPlace,
    /// A file of more bytes is put aside, and a new one begun.
    pub max_bytes: u64,
    /// Files that are put aside; the oldest beyond these are removed.
    pub max_backups: usize,
    /// Files put aside longer ago are removed.
    pub max_age: Duration,
}

/// Where audit records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditPlace {
    /// `audit/audit.log` in the data directory.
    DataDir,
    /// This file.
    File(PathBuf),
    /// Nowhere.
    Off,
}

impl Default for AuditConfig {
    fn default() -> Self {
        let max_age = Duration::from_secs(30 * 24 * 60 * 60);
        AuditConfig { place: AuditPlace::DataDir, max_bytes: 100 << 20, max_backups: 10, max_age }
    }
}

/// Takes records. Clones write to the same file; it is complete when the last is gone.
#[derive(Clone)]
pub struct Auditor {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    lines: SyncSender<String>,
    written: Counter,
    lost: Counter,
}

impl Auditor {
    /// Records nothing.
    pub fn off() -> Auditor {
        Auditor { inner: None }
    }

    /// Records as `config` says. `data_dir` is where the master keeps its state.
    pub fn start(config: &AuditConfig, data_dir: &std::path::Path) -> std::io::Result<Auditor> {
        let path = match &config.place {
            AuditPlace::Off => return Ok(Auditor::off()),
            AuditPlace::DataDir => data_dir.join("audit").join("audit.log"),
            AuditPlace::File(path) => path.clone(),
        };
        let mut file = file::RotatingFile::open(path, config.clone())?;
        let (lines, queue) = sync_channel::<String>(QUEUE);
        let write = move || {
            while let Ok(line) = queue.recv() {
                file.write(&line);
                // What has come meanwhile goes with it in one write.
                queue.try_iter().for_each(|line| file.write(&line));
                file.flush();
            }
        };
        std::thread::Builder::new().name("audit".into()).spawn(write)?;
        let inner = Inner { lines, written: Counter::default(), lost: Counter::default() };
        Ok(Auditor { inner: Some(Arc::new(inner)) })
    }

    /// Tells of itself.
    pub fn register(&self, registry: &mut Registry) {
        let Some(inner) = &self.inner else { return };
        registry.register("apiserver_audit_event", "Audit records taken", inner.written.clone());
        registry.register("apiserver_audit_error", "Audit records lost", inner.lost.clone());
    }

    fn is_on(&self) -> bool {
        self.inner.is_some()
    }

    fn send(&self, line: String) {
        let Some(inner) = &self.inner else { return };
        match inner.lines.try_send(line) {
            Ok(()) => drop(inner.written.inc()),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                let before = inner.lost.inc();
                if before.is_multiple_of(1_000) {
                    tracing::warn!(lost = before + 1, "audit records are lost: the disk does not keep up");
                }
            }
        }
    }
}
