//! Validating: every policy that a request is meant for is evaluated, and its findings refuse, warn, or are noted.

use std::sync::Arc;

use serde_json::{Value, json};
use xebec_api::cel::policy::{Finding, Note, Scene};
use xebec_api::{Cause, Details, Kind, Reason, Status};

use super::Policies;
use super::binding::{Actions, Binding};
use super::request::View;
use crate::admission::facts::Facts;
use crate::admission::webhooks::Question;

/// Where findings are noted in the audit record.
const FAILURES: &str = "validation.policy.admission.k8s.io/validation_failure";

/// What one binding has found.
struct Found<'a> {
    binding: &'a Binding,
    findings: Vec<Finding>,
    notes: Vec<Note>,
}

impl Policies {
    /// Evaluates every policy that the question is meant for. The first finding that is to refuse it does; the others are its
    /// causes.
    pub async fn validate(&self, question: &Question<'_>) -> Result<(), Status> {
        let current = self.current();
        let meant = self.meant(&current.validating, question);
        let mut views: Vec<View<'_>> = Vec::new();
        for (_, kind) in &meant {
            if !views.iter().any(|view| view.kind == *kind) {
                views.push(self.view(question, kind).await?);
            }
        }
        let seen: Vec<(&View<'_>, Facts<'_>)> = views.iter().map(|view| (view, self.facts(question, view))).collect();
        let facts = |kind: &Kind| seen.iter().find(|(view, _)| view.kind == kind).map(|(_, facts)| facts);
        let judged = meant.iter().filter_map(|(binding, kind)| Some(self.judge(binding, facts(kind)?, question)));
        let all: Vec<Found<'_>> = judged.collect();
        note(&all, question);
        warn(&all, question);
        refuse(&all, question)
    }

    /// Those of `bindings` that the question is meant for, and the versions in which they are shown the object.
    pub(super) fn meant(
        &self,
        bindings: &[Arc<Binding>],
        question: &Question<'_>,
    ) -> Vec<(Arc<Binding>, &'static Kind)> {
        question.with_subject(&self.cache, |subject| {
            if subject.is_policy() {
                return Vec::new();
            }
            let of = |binding: &Arc<Binding>| binding.matches(subject).map(|shown| (binding.clone(), shown));
            bindings.iter().filter_map(of).collect()
        })
    }

    fn judge<'a>(&self, binding: &'a Binding, facts: &Facts<'_>, question: &Question<'_>) -> Found<'a> {
        let policy = &binding.policy.policy;
        let mut found = Found { binding, findings: Vec::new(), notes: Vec::new() };
        let params = match binding.params(&self.cache, question.target.namespace.as_deref()) {
            Ok(params) => params,
            Err(why) => {
                found.fails(why);
                return found;
            }
        };
        for params in params.iter() {
            let scene = Scene::new(policy, facts, params.clone());
            match policy.conditions.hold(&scene) {
                Ok(true) => {
                    let (findings, notes) = scene.validate();
                    found.findings.extend(findings);
                    found.notes.extend(notes);
                }
                Ok(false) => {}
                Err(why) => found.fails(why),
            }
        }
        found
    }
}

impl Found<'_> {
    /// The policy cannot be evaluated: its failure policy says what that means.
    fn fails(&mut self, why: String) {
        if self.binding.policy.policy.fails_closed {
            self.findings.push(Finding { index: 0, message: why, reason: "Invalid".to_owned() });
        }
    }
}

/// Notes what policies want noted; several notes of one key are one.
fn note(all: &[Found<'_>], question: &Question<'_>) {
    let mut noted: Vec<(String, Vec<&str>)> = Vec::new();
    for (found, note) in all.iter().flat_map(|found| found.notes.iter().map(move |note| (found, note))) {
        let key = format!("{}/{}", found.binding.policy.name, note.key);
        match noted.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) if values.contains(&note.value.as_str()) => {}
            Some((_, values)) => values.push(&note.value),
            None => noted.push((key, vec![&note.value])),
        }
    }
    for (key, values) in noted {
        question.cx.annotations.add(key, &values.join(", "));
    }
    let failures: Vec<Value> = all.iter().filter(|found| found.binding.actions.audit).flat_map(failures).collect();
    if !failures.is_empty() {
        question.cx.annotations.add(FAILURES, &Value::from(failures).to_string());
    }
}

fn failures(found: &Found<'_>) -> Vec<Value> {
    let Actions { deny, warn, audit } = found.binding.actions;
    let named = [(deny, "Deny"), (warn, "Warn"), (audit, "Audit")];
    let actions: Vec<&str> = named.into_iter().filter(|(taken, _)| *taken).map(|(_, name)| name).collect();
    let failure = |finding: &Finding| {
        json!({
            "message": finding.message, "policy": found.binding.policy.name, "binding": found.binding.name,
            "expressionIndex": finding.index, "validationActions": actions,
        })
    };
    found.findings.iter().map(failure).collect()
}

fn warn(all: &[Found<'_>], question: &Question<'_>) {
    for found in all.iter().filter(|found| found.binding.actions.warn) {
        let (policy, binding) = (&found.binding.policy.name, &found.binding.name);
        let subject = format!("Validation failed for ValidatingAdmissionPolicy '{policy}' with binding '{binding}'");
        found.findings.iter().for_each(|finding| question.cx.warnings.add(format!("{subject}: {}", finding.message)));
    }
}

fn refuse(all: &[Found<'_>], question: &Question<'_>) -> Result<(), Status> {
    let denying = all.iter().filter(|found| found.binding.actions.deny);
    let mut refusals = denying.flat_map(|found| found.findings.iter().map(move |finding| (found, finding)));
    let Some((found, first)) = refusals.next() else { return Ok(()) };
    let text = |found: &Found<'_>, finding: &Finding| {
        let (policy, binding) = (&found.binding.policy.name, &found.binding.name);
        format!("ValidatingAdmissionPolicy '{policy}' with binding '{binding}' denied request: {}", finding.message)
    };
    let mut messages = vec![text(found, first)];
    messages.extend(refusals.map(|(found, finding)| text(found, finding)));
    let status = Status::forbidden(question.target.kind, &question.target.name, &messages[0]);
    let reason = match first.reason.as_str() {
        "Forbidden" => Reason::Forbidden,
        "Unauthorized" => Reason::Unauthorized,
        "RequestEntityTooLarge" => Reason::RequestEntityTooLarge,
        _ => Reason::Invalid,
    };
    let cause = |message: String| Cause { reason: String::new(), message, field: String::new() };
    let causes = messages.into_iter().map(cause).collect();
    let target = question.target;
    let (group, kind) = (target.kind.group.to_owned(), target.kind.plural.to_owned());
    let details = Details { name: target.name.clone(), group, kind, causes, ..Details::default() };
    Err(Status::new(reason, status.message).with_details(details))
}
