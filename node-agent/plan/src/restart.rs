//! Restart policy and the back-off between restarts.
//!
//! The first restart is immediate. Each later one waits 10 s, 20 s, 40 s … up to 5 min after the container's end. A container
//! that was not restarted for 10 min starts from the beginning: with less, one that crashes every 5 min would never back off;
//! with more, an old crash would delay an unrelated restart.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// The delay before the second restart.
pub const INITIAL: Duration = Duration::from_secs(10);
/// No delay is longer.
pub const LONGEST: Duration = Duration::from_secs(300);
/// After so long without a restart, the delay is forgotten.
pub const FORGET_AFTER: Duration = Duration::from_secs(600);

/// When a container may be restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Whatever its exit code was.
    Always,
    /// Only if it failed.
    OnFailure,
    /// Not at all.
    Never,
}

impl RestartPolicy {
    /// The pod's policy.
    pub fn of_pod(spec: &PodSpec) -> RestartPolicy {
        match spec.restart_policy.as_deref() {
            Some("Never") => RestartPolicy::Never,
            Some("OnFailure") => RestartPolicy::OnFailure,
            _ => RestartPolicy::Always,
        }
    }

    /// The policy that holds for one init container: a sidecar always restarts, others at most until they succeed.
    pub fn of_init_container(spec: &PodSpec, container: &Container) -> RestartPolicy {
        match RestartPolicy::of_pod(spec) {
            _ if is_sidecar(container) => RestartPolicy::Always,
            RestartPolicy::Never => RestartPolicy::Never,
            RestartPolicy::Always | RestartPolicy::OnFailure => RestartPolicy::OnFailure,
        }
    }

    /// Whether a container that ended with `code` is to be started again.
    pub fn restarts(self, code: i32) -> bool {
        match self {
            RestartPolicy::Always => true,
            RestartPolicy::OnFailure => code != 0,
            RestartPolicy::Never => false,
        }
    }
}

/// Whether an init container is a sidecar: started in order with the others, then kept running beside the main containers.
pub fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// The back-off of one container, or of one thing that is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackOff {
    delay_ms: u64,
    updated: Moment,
}

impl BackOff {
    /// The delay that applies to something that ended at `ended`; zero when none does.
    pub fn delay(&self, ended: Moment) -> Duration {
        if ended.since(self.updated) > FORGET_AFTER { Duration::ZERO } else { Duration::from_millis(self.delay_ms) }
    }

    /// When something that ended at `ended` may be tried again.
    pub fn allowed_at(&self, ended: Moment) -> Moment {
        ended.after(self.delay(ended))
    }

    /// Notes that it was tried again at `now`, having ended at `ended`: the next delay is doubled.
    pub fn retried(&mut self, ended: Moment, now: Moment) {
        let delay = self.delay(ended);
        let next = if delay.is_zero() { INITIAL } else { (delay * 2).min(LONGEST) };
        self.delay_ms = u64::try_from(next.as_millis()).expect("at most five minutes");
        self.updated = now;
    }
}

/// The delay after the `failures`th failure in a row of preparing something (volumes, sandbox, image): 1 s doubling to 1 min.
pub fn retry_delay(failures: u32) -> Duration {
    Duration::from_secs(1u64 << failures.saturating_sub(1).min(6)).min(Duration::from_secs(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_from_ten_seconds_to_five_minutes() {
        let (mut back_off, mut now, mut delays) = (BackOff::default(), Moment(0), Vec::new());
        for _ in 0..8 {
            delays.push(back_off.delay(now).as_secs());
            let restart = back_off.allowed_at(now);
            back_off.retried(now, restart);
            now = restart.after(Duration::from_secs(1));
        }
        assert_eq!(delays, [0, 10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn ten_quiet_minutes_reset_the_delay() {
        let mut back_off = BackOff::default();
        back_off.retried(Moment(0), Moment(0));
        assert_eq!(back_off.delay(Moment(600_000)), INITIAL);
        assert_eq!(back_off.delay(Moment(600_001)), Duration::ZERO);
    }
}
