//! What becomes of a CertificateSigningRequest next: a plain function of the request and the time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use xebec_api::conditions;
use xebec_api::value::text;

use crate::pki::signing::Signer;

/// How long requests stay to be read: after they were signed, denied or failed, and without any answer.
const ANSWERED: SignedDuration = SignedDuration::from_hours(1);
const PENDING: SignedDuration = SignedDuration::from_hours(24);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing, for so long.
    Wait(Duration),
    /// Somebody must decide; a node that may ask for its certificate needs nobody.
    Decide,
    /// It is approved, and ours to sign.
    Sign(Signer),
    /// It has been there for long enough.
    Remove,
}

/// What is to be done about this request now.
pub(super) fn step(request: &Value, now: Timestamp) -> Step {
    let has = |condition: &str| conditions::find(request, condition).is_some_and(|found| found["status"] == "True");
    let signer = Signer::parse(text(request, "/spec/signerName").unwrap_or_default());
    let is_signed = text(request, "/status/certificate").is_some();
    let is_over = is_signed || has("Denied") || has("Failed");
    let end = since(request).checked_add(if is_over { ANSWERED } else { PENDING }).unwrap_or(Timestamp::MAX);
    if now >= end {
        return Step::Remove;
    }
    let rest = Duration::try_from(end.duration_since(now)).unwrap_or_default();
    match (is_over, has("Approved"), signer) {
        (false, true, Some(signer)) => Step::Sign(signer),
        (false, false, Some(Signer::KubeletClient)) => Step::Decide,
        _ => Step::Wait(rest),
    }
}

/// When it was last decided on, or made.
fn since(request: &Value) -> Timestamp {
    let decided = request.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let decided = decided.filter_map(|condition| text(condition, "/lastUpdateTime")?.parse().ok());
    let made = text(request, "/metadata/creationTimestamp").and_then(|at| at.parse().ok());
    decided.chain(made).max().unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(signer: &str, conditions: &[&str], certificate: &str, hours: i64, expect: Step) {
        let made = "2030-01-01T00:00:00Z";
        let conditions: Vec<Value> =
            conditions.iter().map(|name| json!({"type": name, "status": "True", "lastUpdateTime": made})).collect();
        let request = json!({
            "metadata": {"creationTimestamp": made}, "spec": {"signerName": signer},
            "status": {"conditions": conditions, "certificate": certificate},
        });
        let now = made.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hours);
        assert_eq!(step(&request, now), expect);
    }

    const CLIENT: &str = "kubernetes.io/kube-apiserver-client";
    const KUBELET: &str = "kubernetes.io/kube-apiserver-client-kubelet";

    fn hours(hours: u64) -> Step {
        Step::Wait(Duration::from_secs(hours * 3600))
    }

    #[test]
    fn what_is_approved_is_signed_if_it_is_ours() {
        check(CLIENT, &["Approved"], "", 0, Step::Sign(Signer::Client));
        check("example.com/own", &["Approved"], "", 0, hours(24));
        check("kubernetes.io/legacy-unknown", &["Approved"], "", 0, hours(24));
        check(CLIENT, &["Approved", "Denied"], "", 0, hours(1));
        check(CLIENT, &[], "", 0, hours(24));
        check(KUBELET, &[], "", 0, Step::Decide);
    }

    #[test]
    fn answers_stay_for_an_hour_and_questions_for_a_day() {
        check(CLIENT, &["Approved"], "c", 0, hours(1));
        check(CLIENT, &["Approved"], "c", 1, Step::Remove);
        check(CLIENT, &["Approved", "Failed"], "", 1, Step::Remove);
        check(CLIENT, &[], "", 23, hours(1));
        check(CLIENT, &[], "", 24, Step::Remove);
    }
}
