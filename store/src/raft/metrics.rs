//! openraft's view of itself, to read and to wait for.

use std::time::Duration;

use openraft::Instant;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::type_config::alias;

use super::types::TypeConfig;

/// Everything; changes with each entry.
pub(crate) type Metrics = openraft::RaftMetrics<TypeConfig>;
/// Who leads, and who the members are; changes seldom, so that many can wait for it.
pub(crate) type Roles = openraft::metrics::RaftServerMetrics<TypeConfig>;

/// The metrics as they change.
#[derive(Clone)]
pub(crate) struct MetricsWatch<M = Metrics>(alias::WatchReceiverOf<TypeConfig, M>)
where
    M: Clone + Send + Sync + 'static;

impl<M: Clone + Send + Sync + 'static> MetricsWatch<M> {
    pub(crate) fn new(receiver: alias::WatchReceiverOf<TypeConfig, M>) -> MetricsWatch<M> {
        MetricsWatch(receiver)
    }

    /// Looks at the newest. Keep it short: openraft waits meanwhile.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&M) -> T) -> T {
        look(&self.0.borrow_watched())
    }

    /// The next change; false: openraft has ended.
    pub(crate) async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }

    /// Waits until `holds`; false: openraft has ended.
    pub(crate) async fn wait_for(&mut self, holds: impl Fn(&M) -> bool) -> bool {
        loop {
            if holds(&self.0.borrow_and_update()) {
                return true;
            }
            if !self.changed().await {
                return false;
            }
        }
    }
}

/// How long ago a majority answered this leader; `None`: never, or it does not lead.
pub(crate) fn quorum_age(metrics: &Metrics) -> Option<Duration> {
    metrics.last_quorum_acked.map(|acked| acked.into_inner().elapsed())
}

/// How long ago a member answered this leader.
pub(crate) fn member_age(metrics: &Metrics, id: u64) -> Option<Duration> {
    let heard = metrics.heartbeat.as_ref()?.get(&id).copied().flatten()?;
    Some(heard.into_inner().elapsed())
}
