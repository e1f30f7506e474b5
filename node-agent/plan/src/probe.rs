//! Startup, readiness and liveness probes: when each is due, and what its results add up to.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Probe};
use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// Which question a probe answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ProbeKind {
    /// Has it started? Until it has, the others do not run; when it fails, the container is stopped.
    Startup,
    /// May traffic be sent to it?
    Readiness,
    /// Is it alive? When it is not, the container is stopped.
    Liveness,
}

/// All kinds, in the order in which they are planned.
pub const KINDS: [ProbeKind; 3] = [ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness];

impl ProbeKind {
    /// The container's probe of this kind.
    pub fn of(self, container: &Container) -> Option<&Probe> {
        match self {
            ProbeKind::Startup => container.startup_probe.as_ref(),
            ProbeKind::Readiness => container.readiness_probe.as_ref(),
            ProbeKind::Liveness => container.liveness_probe.as_ref(),
        }
    }

    /// As events name it.
    pub fn word(self) -> &'static str {
        match self {
            ProbeKind::Startup => "Startup",
            ProbeKind::Readiness => "Readiness",
            ProbeKind::Liveness => "Liveness",
        }
    }
}

/// What one probe's results add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Neither threshold has been reached yet.
    #[default]
    Unknown,
    /// The last threshold reached was that of successes.
    Healthy,
    /// The last threshold reached was that of failures.
    Unhealthy,
}

/// One probe's course since its container started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRun {
    /// What the results add up to.
    pub verdict: Verdict,
    /// Equal results in a row, and which.
    pub streak: (bool, u32),
    /// When the last attempt started.
    pub last: Option<Moment>,
    /// Whether an attempt is under way.
    pub in_flight: bool,
}

impl ProbeRun {
    /// When the next attempt is due.
    pub fn due(&self, probe: &Probe, started_at: Moment) -> Moment {
        match self.last {
            None => started_at.after(seconds(probe.initial_delay_seconds, 0)),
            Some(last) => last.after(seconds(probe.period_seconds, 10).max(Duration::from_secs(1))),
        }
    }

    /// Notes that an attempt starts.
    pub fn start(&mut self, now: Moment) {
        self.last = Some(now);
        self.in_flight = true;
    }

    /// Notes an attempt's result.
    pub fn finish(&mut self, probe: &Probe, success: bool) {
        self.in_flight = false;
        self.streak = if self.streak.0 == success { (success, self.streak.1.saturating_add(1)) } else { (success, 1) };
        let (threshold, verdict) = match success {
            true => (probe.success_threshold.unwrap_or(1), Verdict::Healthy),
            false => (probe.failure_threshold.unwrap_or(3), Verdict::Unhealthy),
        };
        if i64::from(self.streak.1) >= i64::from(threshold.max(1)) {
            self.verdict = verdict;
        }
    }
}

/// How long one attempt may take.
pub fn timeout(probe: &Probe) -> Duration {
    seconds(probe.timeout_seconds, 1).max(Duration::from_secs(1))
}

fn seconds(value: Option<i32>, default: u64) -> Duration {
    Duration::from_secs(value.map_or(default, |value| u64::try_from(value).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(probe: &Probe, results: &[bool]) -> Vec<Verdict> {
        let mut run = ProbeRun::default();
        results
            .iter()
            .map(|result| {
                run.finish(probe, *result);
                run.verdict
            })
            .collect()
    }

    #[test]
    fn thresholds_count_results_in_a_row() {
        use Verdict::{Healthy, Unhealthy, Unknown};
        let probe = Probe { success_threshold: Some(2), failure_threshold: Some(3), ..Probe::default() };
        assert_eq!(
            verdicts(&probe, &[true, true, false, false, true, false, false, false, true, true]),
            [Unknown, Healthy, Healthy, Healthy, Healthy, Healthy, Healthy, Unhealthy, Unhealthy, Healthy]
        );
    }

    #[test]
    fn first_attempt_waits_for_the_initial_delay_then_for_the_period() {
        let probe = Probe { initial_delay_seconds: Some(5), period_seconds: Some(3), ..Probe::default() };
        let mut run = ProbeRun::default();
        assert_eq!(run.due(&probe, Moment(1000)), Moment(6000));
        run.start(Moment(6000));
        assert_eq!(run.due(&probe, Moment(1000)), Moment(9000));
    }
}
