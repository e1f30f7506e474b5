//! Whether a session still lives.
//!
//! Two ways to die: the client is not heard of although it is asked (its machine is gone), or nothing was moved for hours
//! (somebody forgot a terminal). While we ourselves do not read, because the pod does not, silence says nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How often the client is asked for a sign of life.
pub(super) const ASK: Duration = Duration::from_secs(15);
/// Four unanswered questions.
const SILENCE: Duration = Duration::from_secs(60);
/// As long as a kubelet keeps an idle stream.
const IDLE: Duration = Duration::from_secs(4 * 3600);
/// A client that takes nothing for so long is stuck.
pub(super) const STUCK: Duration = Duration::from_secs(60);
/// What the client is given to close after we have said all.
pub(super) const LINGER: Duration = Duration::from_secs(5);

/// The signs of life of one session.
pub(super) struct Vital {
    start: Instant,
    heard: AtomicU64,
    moved: AtomicU64,
    held: AtomicBool,
}

impl Vital {
    /// A session that begins.
    pub(super) fn new() -> Vital {
        let zero = || AtomicU64::new(0);
        Vital { start: Instant::now(), heard: zero(), moved: zero(), held: AtomicBool::new(false) }
    }

    /// The client was heard.
    pub(super) fn heard(&self) {
        self.heard.store(self.now(), Ordering::Relaxed);
    }

    /// Data went one way or the other.
    pub(super) fn moved(&self) {
        self.moved.store(self.now(), Ordering::Relaxed);
    }

    /// Reading is held up while `work` lasts.
    pub(super) async fn hold<T>(&self, work: impl Future<Output = T>) -> T {
        self.held.store(true, Ordering::Relaxed);
        let done = work.await;
        self.heard();
        self.held.store(false, Ordering::Relaxed);
        done
    }

    /// Whether reading is held up.
    pub(super) fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    /// Waits until the session is over; says why.
    pub(super) async fn lapse(&self) -> &'static str {
        let mut tick = tokio::time::interval(ASK);
        loop {
            tick.tick().await;
            if let Some(why) = self.verdict(millis(self.start.elapsed())) {
                return why;
            }
        }
    }

    fn verdict(&self, now: u64) -> Option<&'static str> {
        let since = |moment: &AtomicU64| now.saturating_sub(moment.load(Ordering::Relaxed));
        if !self.is_held() && since(&self.heard) > millis(SILENCE) {
            return Some("the client is silent");
        }
        (since(&self.moved) > millis(IDLE)).then_some("nothing was moved for hours")
    }

    fn now(&self) -> u64 {
        millis(self.start.elapsed())
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn silence_ends_a_session_unless_we_do_not_listen() {
        let vital = Vital::new();
        assert_eq!(vital.verdict(millis(SILENCE)), None);
        assert_eq!(vital.verdict(millis(SILENCE) + 1), Some("the client is silent"));
        let held = vital.hold(async { [SILENCE, IDLE].map(|span| vital.verdict(millis(span) + 1)) });
        assert_eq!(held.await, [None, Some("nothing was moved for hours")]);
    }
}
