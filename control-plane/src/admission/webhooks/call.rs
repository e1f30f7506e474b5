//! Asking one webhook, and what its answer, or that there is none, means for the request.

use serde_json::Value;
use tokio::time::Instant;
use xebec_api::decode::MAX_BYTES;
use xebec_api::{Kind, Status};

use super::Webhooks;
use super::hook::Hook;
use super::metrics::Role;
use super::question::{Question, Shown};
use super::review::{self, Verdict};
use crate::admission::facts::Facts;

/// The most bytes of an answer: an object's worth of patch, as text within text.
const MOST: usize = 2 * MAX_BYTES;

/// How asking went wrong.
enum Failure {
    /// The webhook was not reached, or its answer is none. Its failure policy decides what that means.
    Call(String),
    /// It refuses the request.
    Denied(Status),
    /// The request cannot go on, whatever the policy.
    Final(Status),
}

impl Webhooks {
    /// Asks a webhook that the request is meant for about objects of `kind`. `None` where it could not be asked and the request goes on without it.
    pub(super) async fn consult(
        &self,
        hook: &Hook,
        role: Role,
        kind: &Kind,
        question: &Question<'_>,
        shown: &Shown<'_>,
    ) -> Result<Option<Verdict>, Status> {
        let uid = self.parts.environment.uid();
        let request = review::request(question, kind, &uid);
        if !self.is_meant(hook, &request, question, shown)? {
            return Ok(None);
        }
        let begun = Instant::now();
        let review = review::document(request, shown, hook.version);
        let outcome = self.ask(hook, question, &review, &uid).await;
        let passes = match &outcome {
            Ok(_) => true,
            Err(Failure::Call(_)) => hook.fails_open,
            Err(_) => false,
        };
        self.parts.metrics.called(hook, role, question.operation, !passes, begun.elapsed());
        let (why, status) = match outcome {
            Ok(verdict) => return Ok(Some(verdict)),
            Err(Failure::Call(why)) if passes => {
                self.pass_over(hook, role, question, &why);
                return Ok(None);
            }
            Err(Failure::Call(why)) => ("calling_webhook_error", failed(hook, &why)),
            Err(Failure::Denied(status)) => ("no_error", status),
            Err(Failure::Final(status)) => ("apiserver_internal_error", status),
        };
        self.parts.metrics.rejected(hook, role, question.operation, why, status.code);
        Err(status)
    }

    /// Whether the webhook's conditions hold. Where that cannot be known, its failure policy decides.
    fn is_meant(
        &self,
        hook: &Hook,
        request: &Value,
        question: &Question<'_>,
        shown: &Shown<'_>,
    ) -> Result<bool, Status> {
        let holds = match &hook.conditions {
            Ok(conditions) if conditions.is_empty() => return Ok(true),
            Ok(conditions) => {
                let objects = (shown.object.as_deref(), shown.old.as_deref());
                conditions.hold(&Facts::new(request, objects, question.cx.user.clone(), self.parts.authorizer.clone()))
            }
            Err(why) => Err(why.clone()),
        };
        match holds {
            Ok(holds) => Ok(holds),
            Err(why) if hook.fails_open => {
                tracing::warn!(webhook = hook.name, why, "match conditions have no answer; the webhook is not asked");
                Ok(false)
            }
            Err(why) => Err(Status::forbidden(question.target.kind, &question.target.name, why)),
        }
    }

    async fn ask(&self, hook: &Hook, question: &Question<'_>, review: &Value, uid: &str) -> Result<Verdict, Failure> {
        if question.dry_run && !hook.takes_dry_runs {
            let why = format!("admission webhook \"{}\" does not support dry run", hook.name);
            return Err(Failure::Final(Status::bad_request(why)));
        }
        let client = hook.client.as_ref().map_err(|why| Failure::Call(why.clone()))?;
        let deadline = question.cx.deadline.min(Instant::now() + hook.timeout);
        let answer = client.ask(review, MOST, deadline).await;
        if answer.is_err() && Instant::now() >= question.cx.deadline {
            return Err(Failure::Final(Status::timeout("request did not complete within requested timeout")));
        }
        let answer = answer.map_err(|error| Failure::Call(format!("failed to call webhook: {error}")))?;
        let verdict = review::verdict(&answer, hook.version, uid).map_err(Failure::Call)?;
        verdict.warnings.iter().for_each(|warning| question.cx.warnings.add(warning));
        for (key, text) in &verdict.annotations {
            question.cx.annotations.add(format!("{}/{key}", hook.name), text);
        }
        match verdict.allowed {
            true => Ok(verdict),
            false => Err(Failure::Denied(review::denial(&hook.name, &verdict.result))),
        }
    }

    fn pass_over(&self, hook: &Hook, role: Role, question: &Question<'_>, why: &str) {
        let (webhook, configuration) = (&hook.name, &hook.configuration);
        tracing::warn!(%webhook, %configuration, why, "a webhook could not be asked; the request goes on without it");
        self.parts.metrics.passed_over(hook, role);
        let which = match role {
            Role::Mutates => "mutation",
            Role::Validates => "validating",
        };
        question.cx.annotations.add(format!("failed-open.{which}.webhook.admission.k8s.io/{webhook}"), webhook);
    }
}

fn failed(hook: &Hook, why: &str) -> Status {
    Status::internal(format!("failed calling webhook \"{}\": {why}", hook.name))
}
