//! May a pod be evicted? What its PodDisruptionBudget allows at the moment, and the taking of one disruption from it.
//!
//! A budget's controller says in its status how many pods may go; an eviction takes one of these in a transaction on the budget
//! before the pod is deleted, so that evictions that happen at once never take more than there are. The pod is noted in the
//! budget until the controller has seen it go.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use xebec_api::conditions::{self, Condition};
use xebec_api::kinds::POD_DISRUPTION_BUDGET;
use xebec_api::{Cause, Details, LabelSelector, Object, Reason, Status, value};

use super::settle::{Decide, Step};
use super::{Registry, RequestContext, Stored, Target, rfc3339};

/// More evictions than this that no controller has seen mean that none is at work.
const MOST_UNSEEN: usize = 2_000;
/// How long a budget that is being worked out may take, in seconds.
const RETRY_SECONDS: u32 = 10;

impl Registry {
    /// Takes one disruption from the pod's budget, if there is one that counts for it.
    pub(super) async fn disrupt(
        &self,
        cx: &RequestContext,
        pod: &Target,
        stored: &Stored,
        dry_run: bool,
    ) -> Result<(), Status> {
        let value = stored.to_value();
        if is_free(&value) {
            return Ok(());
        }
        let Some(budget) = self.budget_of(pod, stored)? else { return Ok(()) };
        let target = Target::new(&POD_DISRUPTION_BUDGET, pod.namespace.as_deref(), &budget.object.meta().name);
        let decide: &Decide<'_> = &|current| {
            let step = take(&current.object.to_value(), &value, &pod.name, self.now());
            Box::pin(std::future::ready(step))
        };
        self.settle(cx, &target, dry_run, decide).await.map(drop)
    }

    fn budget_of(&self, pod: &Target, stored: &Stored) -> Result<Option<Stored>, Status> {
        let labels = &stored.object.meta().labels;
        let all = self.parts.cache.list(&POD_DISRUPTION_BUDGET, pod.namespace.as_deref());
        let mut matching = all.into_iter().filter(|budget| selects(&budget.to_value(), labels));
        match (matching.next(), matching.next()) {
            (_, Some(_)) => Err(Status::new(
                Reason::InternalError,
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
            )),
            (budget, None) => Ok(budget),
        }
    }
}

fn selects(budget: &Value, labels: &BTreeMap<String, String>) -> bool {
    let selector = budget.pointer("/spec/selector").unwrap_or(&Value::Null);
    LabelSelector::from_json(selector).is_ok_and(|selector| selector.matches(labels))
}

/// A pod that does not run, or is on its way out, disrupts nothing by going.
fn is_free(pod: &Value) -> bool {
    let phase = value::text(pod, "/status/phase").unwrap_or_default();
    value::text(pod, "/metadata/deletionTimestamp").is_some() || matches!(phase, "Pending" | "Succeeded" | "Failed")
}

/// A pod that is not ready disrupts nothing either, where the budget sees it so.
fn is_unhealthy_and_may_go(budget: &Value, pod: &Value) -> bool {
    if conditions::is_true(pod, "Ready") {
        return false;
    }
    let count = |field: &str| value::number(budget, &format!("/status/{field}")).unwrap_or(0);
    let healthy = count("currentHealthy") >= count("desiredHealthy") && count("desiredHealthy") > 0;
    healthy || value::text(budget, "/spec/unhealthyPodEvictionPolicy") == Some("AlwaysAllow")
}

/// The budget with one disruption less.
fn take(budget: &Value, pod: &Value, name: &str, now: Timestamp) -> Result<Step, Status> {
    if is_unhealthy_and_may_go(budget, pod) {
        return Ok(Step::Keep);
    }
    let count = |pointer: &str| value::number(budget, pointer).unwrap_or(0);
    let own_name = value::text(budget, "/metadata/name").unwrap_or_default();
    if count("/status/observedGeneration") < count("/metadata/generation") {
        let why = format!("The disruption budget {own_name} is still being processed by the server.");
        return Err(violation(own_name, why).retry_after(RETRY_SECONDS));
    }
    if value::entries(budget, "/status/disruptedPods").count() > MOST_UNSEEN {
        let why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
        return Err(Status::forbidden(&POD_DISRUPTION_BUDGET, own_name, why));
    }
    let left = count("/status/disruptionsAllowed") - 1;
    if left < 0 {
        let (needed, healthy) = (count("/status/desiredHealthy"), count("/status/currentHealthy"));
        let why = format!("The disruption budget {own_name} needs {needed} healthy pods and has {healthy} currently");
        return Err(violation(own_name, why));
    }
    let mut budget = budget.clone();
    let now = rfc3339(now);
    budget["status"]["disruptionsAllowed"] = json!(left);
    budget["status"]["disruptedPods"][name] = json!(now);
    if left == 0 {
        let insufficient =
            Condition { condition_type: "DisruptionAllowed", status: "False", reason: "InsufficientPods", message: "" };
        conditions::set(&mut budget, insufficient, &now);
    }
    Object::from_value(budget).map(Step::Put)
}

fn violation(budget: &str, why: String) -> Status {
    let cause = Cause { reason: "DisruptionBudget".to_owned(), message: why, field: String::new() };
    let details = Details { name: budget.to_owned(), causes: vec![cause], ..Details::default() };
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    Status::new(Reason::TooManyRequests, message).with_details(details)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(allowed: i64, policy: &str) -> Value {
        json!({
            "metadata": {"name": "b", "generation": 1}, "spec": {"unhealthyPodEvictionPolicy": policy},
            "status": {"observedGeneration": 1, "disruptionsAllowed": allowed, "desiredHealthy": 2, "currentHealthy": 1},
        })
    }

    fn pod(ready: &str) -> Value {
        json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}})
    }

    fn check(budget: &Value, pod: &Value) -> Result<Step, Status> {
        take(budget, pod, "p", "2030-01-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_disruption_is_taken_and_noted() {
        let Ok(Step::Put(object)) = check(&budget(1, ""), &pod("True")) else { panic!("an eviction") };
        let status = &object.to_value()["status"];
        assert_eq!(status["disruptionsAllowed"], 0);
        assert_eq!(status["disruptedPods"]["p"], "2030-01-01T00:00:00Z");
        assert_eq!(status["conditions"][0]["reason"], "InsufficientPods");
    }

    #[test]
    fn without_a_disruption_left_the_caller_must_wait() {
        let status = check(&budget(0, ""), &pod("True")).unwrap_err();
        let cause = &status.details.as_ref().unwrap().causes[0];
        assert_eq!((status.code, cause.reason.as_str()), (429, "DisruptionBudget"));
        assert_eq!(cause.message, "The disruption budget b needs 2 healthy pods and has 1 currently");
    }

    #[test]
    fn a_budget_that_nobody_has_looked_at_allows_nothing() {
        let mut new = budget(1, "");
        new["metadata"]["generation"] = json!(2);
        let status = check(&new, &pod("True")).unwrap_err();
        assert_eq!((status.code, status.details.unwrap().retry_after_seconds), (429, RETRY_SECONDS));
    }

    #[test]
    fn a_pod_that_is_not_ready_may_go_where_the_budget_says_so() {
        assert!(check(&budget(0, "IfHealthyBudget"), &pod("False")).is_err());
        assert_eq!(check(&budget(0, "AlwaysAllow"), &pod("False")).unwrap(), Step::Keep);
        assert!(is_free(&json!({"status": {"phase": "Succeeded"}})));
        assert!(!is_free(&pod("True")));
    }
}
