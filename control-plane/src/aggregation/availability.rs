//! Whether an aggregated API is available, in the words that Kubernetes has for it.

use std::fmt;

use xebec_api::conditions::Condition;

use crate::outbound::DialError;

/// Why a server could not be asked what it serves.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is no way to it.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The APIService does not say whom to believe, or not so that it can be understood.
    #[error("{0}")]
    Trust(String),
    /// The connection broke.
    #[error("the connection broke")]
    Http(#[from] hyper::Error),
    /// It answered, and not with what was asked for.
    #[error("bad status from {path}: {code}")]
    Code {
        /// What was asked for.
        path: String,
        /// The HTTP status code.
        code: u16,
    },
    /// The answer is too long, broke off, or is nothing of the kind.
    #[error("the answer from {0} cannot be understood")]
    Answer(String),
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
}

/// The condition `Available` of an APIService with a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    is_available: bool,
    reason: &'static str,
    message: String,
}

impl Verdict {
    /// What follows from an attempt to ask.
    pub(super) fn of(asked: &Result<(), Problem>, place: &dyn fmt::Display) -> Verdict {
        let Err(problem) = asked else {
            return Verdict { is_available: true, reason: "Passed", message: "all checks passed".to_owned() };
        };
        let reason = match problem {
            Problem::Dial(DialError::ServiceNotFound(_)) => "ServiceNotFound",
            Problem::Dial(DialError::NoSuchPort { .. }) => "ServicePortError",
            Problem::Dial(DialError::NoEndpoints(_)) => "EndpointsNotFound",
            _ => "FailedDiscoveryCheck",
        };
        let message = match reason {
            "FailedDiscoveryCheck" => format!("failing or missing response from {place}: {}", chain(problem)),
            _ => problem.to_string(),
        };
        Verdict { is_available: false, reason, message }
    }

    pub(super) fn condition(&self) -> Condition<'_> {
        let status = if self.is_available { "True" } else { "False" };
        Condition { condition_type: "Available", status, reason: self.reason, message: &self.message }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_its_reason() {
        let check = |problem: Problem, reason: &str, message: &str| {
            let verdict = Verdict::of(&Err(problem), &"b/a:443");
            let Condition { status, reason: got, message: told, .. } = verdict.condition();
            assert_eq!((status, got, told), ("False", reason, message));
        };
        let service = || "b/a".to_owned();
        let missing = "service \"b/a\" not found";
        check(DialError::ServiceNotFound(service()).into(), "ServiceNotFound", missing);
        let none = "no endpoints available for service \"b/a\"";
        check(DialError::NoEndpoints(service()).into(), "EndpointsNotFound", none);
        let late = "failing or missing response from b/a:443: no answer in time";
        check(Problem::TimedOut, "FailedDiscoveryCheck", late);
        let passed = Verdict::of(&Ok(()), &"b/a:443");
        assert_eq!((passed.condition().status, passed.condition().reason), ("True", "Passed"));
    }
}
