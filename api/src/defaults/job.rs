//! Defaults of jobs, and how a job tells its pods from those of others.

use serde_json::Value;

use super::pod;
use crate::value::{child, entries, existing, fill, items, text};

/// The labels that a job's pods carry: its uid and its name, each under the old and the new key.
const UID_LABELS: [&str; 2] = ["batch.kubernetes.io/controller-uid", "controller-uid"];
const NAME_LABELS: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];
/// A job that gives each index its own limit of failures has none of its own.
const NO_LIMIT: i64 = i32::MAX as i64;

/// The defaults of a job's `spec`.
pub fn spec(spec: &mut Value) {
    if is_missing(spec, "completions") && is_missing(spec, "parallelism") {
        fill(spec, "completions", 1);
    }
    fill(spec, "parallelism", 1);
    let limit = if is_missing(spec, "backoffLimitPerIndex") { 6 } else { NO_LIMIT };
    fill(spec, "backoffLimit", limit);
    fill(spec, "completionMode", "NonIndexed");
    fill(spec, "suspend", false);
    fill(spec, "manualSelector", false);
    let replacement = if is_missing(spec, "podFailurePolicy") { "TerminatingOrFailed" } else { "Failed" };
    fill(spec, "podReplacementPolicy", replacement);
    if let Some(policy) = existing(spec, "podFailurePolicy") {
        for rule in items(policy, "rules") {
            items(rule, "onPodConditions").for_each(|pattern| fill(pattern, "status", "True"));
        }
    }
    pod::template(spec);
}

/// A job without labels has those of its pods.
pub fn labels(job: &mut Value) {
    let labels = job.pointer("/spec/template/metadata/labels").cloned().filter(|l| entries(l, "").next().is_some());
    let unlabelled = entries(job, "/metadata/labels").next().is_none();
    if let (Some(labels), Some(metadata)) = (labels.filter(|_| unlabelled), child(job, "metadata")) {
        metadata["labels"] = labels;
    }
}

/// Makes the job's pods carry its uid and name, and the job select by the uid.
pub fn select_by_uid(job: &mut Value) {
    let of = |job: &Value, field: &str| text(job, &format!("/metadata/{field}")).unwrap_or_default().to_owned();
    let (uid, name) = (of(job, "uid"), of(job, "name"));
    let Some(spec) = child(job, "spec") else { return };
    let labels = child(spec, "template").and_then(|template| child(template, "metadata"));
    if let Some(labels) = labels.and_then(|metadata| child(metadata, "labels")) {
        UID_LABELS.iter().for_each(|key| fill(labels, key, uid.as_str()));
        NAME_LABELS.iter().for_each(|key| fill(labels, key, name.as_str()));
    }
    if let Some(selector) = child(spec, "selector").and_then(|selector| child(selector, "matchLabels")) {
        fill(selector, UID_LABELS[0], uid.as_str());
    }
}

fn is_missing(spec: &Value, field: &str) -> bool {
    spec.get(field).is_none_or(Value::is_null)
}
