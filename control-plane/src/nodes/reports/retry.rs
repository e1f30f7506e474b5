//! Tries a write until it is done or pointless.

use std::time::Duration;

use xebec_api::{Reason, Status};

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(2);

/// Whether the same write may succeed later: the object has changed meanwhile, or the cluster cannot write at present.
fn may_succeed_later(status: &Status) -> bool {
    matches!(status.reason, Reason::Conflict | Reason::AlreadyExists | Reason::TooManyRequests)
        || matches!(status.code, 500 | 503 | 504)
}

/// Runs `attempt` until it succeeds, with growing waits in between. What is refused for good is logged and given up.
pub(super) async fn until_done<F, A>(what: &str, mut attempt: F)
where
    F: FnMut() -> A,
    A: Future<Output = Result<(), Status>>,
{
    let mut wait = FIRST;
    loop {
        match attempt().await {
            Ok(()) => return,
            Err(status) if status.reason == Reason::NotFound => return,
            Err(status) if may_succeed_later(&status) => tracing::debug!(what, %status, "not written yet"),
            Err(status) => return tracing::warn!(what, %status, "cannot be written"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST);
    }
}
