//! A master that is cut off from the others must not keep its agents: what it sends them may be old.
//!
//! While agents are subscribed here, this master proves itself by a read barrier every two seconds. When that has failed for a
//! while, its subscriptions are cut and the agents look elsewhere. Pods do not notice.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::hub::Shared;

const INTERVAL: Duration = Duration::from_secs(2);
const DEADLINE: Duration = Duration::from_secs(2);
/// Fewer, and an election makes all agents move.
const FAILURES: u32 = 3;

pub(super) async fn watch(shared: Arc<Shared>) {
    let mut failures = 0;
    loop {
        tokio::time::sleep(INTERVAL).await;
        if !shared.sessions.any_subscribed() {
            failures = 0;
            continue;
        }
        match shared.registry.read_barrier(Instant::now() + DEADLINE).await {
            Ok(_) => failures = 0,
            Err(_) => failures += 1,
        }
        if failures >= FAILURES {
            tracing::warn!("this master has no quorum; the nodes subscribed here are sent elsewhere");
            shared.sessions.cut_subscribed();
            failures = 0;
        }
    }
}
