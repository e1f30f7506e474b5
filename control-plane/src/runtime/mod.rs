//! The leader's work: drives scheduler and controllers, and carries out what they decide.
//!
//! [`run`] lives as long as the master. While this master leads, it runs one term (`term.rs`): one task that owns the
//! world of the controllers and the snapshot of the scheduler, feeds both from one subscription to the watch cache, and
//! hands out work. It chooses nothing itself.
//!
//! ```text
//!  watch cache ─subscribe_all─▶ term ── World, Queue (queue.rs) ──▶ reconcile ──▶ execute.rs ──┐
//!  node sessions ──liveness───▶  │                                                             ├─▶ Registry
//!                                └── Scheduling (scheduling.rs): Snapshot::place ─▶ binding.rs ┘
//! ```
//!
//! # Guarantees
//! * It starts when this master is elected and has applied everything committed before (a read barrier of its own term),
//!   and stops at once when it does not lead any more: what is under way is dropped.
//! * Writes go through the registry, as `system:kube-controller-manager` and `system:kube-scheduler`, with the
//!   preconditions that the decisions carry. A late write of a deposed leader fails on these, or on a name that is taken.
//! * A key is reconciled by one at a time, and not again before the world shows what it wrote.
//! * A panic of one reconciliation costs that key a back-off and nobody else anything.
//!
//! # Bounds
//! Keys in flight, actions of one key at once, pods being bound and events waiting are all bounded; what does not fit
//! waits its turn in a set that holds each key once. Only events are dropped, and counted.

mod binding;
mod events;
mod execute;
mod nodes;
mod queue;
mod scheduling;
mod term;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use xebec_controllers::Settings;
use xebec_store::Leadership;

use crate::registry::Registry;

pub use nodes::NodeWatch;

/// Who owns what controllers write, as Kubernetes names it.
const FIELD_MANAGER: &str = "kube-controller-manager";
/// After a term ended by a fault of ours, which is likely to come again.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// What the runtime is made of.
#[derive(Clone)]
pub struct RuntimeParts {
    /// Where it reads and writes.
    pub registry: Registry,
    /// Whether this master leads.
    pub leadership: watch::Receiver<Leadership>,
    /// Which nodes are heard.
    pub nodes: Arc<dyn NodeWatch>,
    /// What the operator chose.
    pub settings: Settings,
}

/// Works whenever this master leads, until `shutdown`.
pub async fn run(parts: RuntimeParts, shutdown: impl Future<Output = ()> + Send) {
    tokio::select! {
        () = shutdown => {}
        () = follow(parts) => {}
    }
}

/// Runs a term for each time this master leads; returns when there is no store any more.
async fn follow(parts: RuntimeParts) {
    let mut leadership = parts.leadership.clone();
    while let Some(now) = leading(&mut leadership).await {
        tracing::info!(term = now.term, "leading: scheduler and controllers start");
        let mut term = Term(tokio::spawn(term::serve(parts.clone())));
        tokio::select! {
            ended = &mut term.0 => {
                tracing::error!(?ended, "the leader's work ended by a fault; it starts again");
                tokio::time::sleep(RESTART_PAUSE).await;
            }
            () = lost(&mut leadership, now.term) => {
                tracing::info!(term = now.term, "not leading any more: scheduler and controllers stopped");
            }
        }
    }
}

/// Waits until this master leads. None when there is no store any more.
async fn leading(leadership: &mut watch::Receiver<Leadership>) -> Option<Leadership> {
    leadership.wait_for(|now| now.is_leader).await.ok().map(|now| *now)
}

/// Waits until this master does not lead in that term any more.
async fn lost(leadership: &mut watch::Receiver<Leadership>, term: u64) {
    // Without a store nobody leads.
    leadership.wait_for(|now| !now.is_leader || now.term != term).await.map(drop).unwrap_or_default();
}

/// The task of a term. It ends with this handle.
struct Term(JoinHandle<()>);

impl Drop for Term {
    fn drop(&mut self) {
        self.0.abort();
    }
}
