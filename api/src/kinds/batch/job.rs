//! Job: pods that run until enough of them have succeeded.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kinds::{Kind, Strategy, Subresource};
use crate::table::{Column, age, cells};
use crate::validation::job::RULES;
use crate::value::{self, number, text};
use crate::{FieldErrors, conditions, defaults, validation};

/// Job.
pub static JOB: Kind = Kind {
    group: "batch",
    kind: "Job",
    plural: "jobs",
    singular: "job",
    categories: &["all"],
    subresources: &[Subresource::Status],
    generation: true,
    columns: &[
        Column::NAME,
        Column::text("Status", "Whether it runs, and how it ended.", |o, _| json!(status(o))),
        Column::text("Completions", "How many pods have succeeded, of those that must.", |o, _| json!(completions(o))),
        Column::text("Duration", "How long it took, or has taken so far.", duration),
        Column::AGE,
        Column::text("Containers", "The names of the containers.", cells::template_containers).wide(),
        Column::text("Images", "The images of the containers.", cells::template_images).wide(),
        Column::text("Selector", "The labels of the pods.", cells::selector).wide(),
    ],
    selectable: |o| vec![("status.successful", number(o, "/status/succeeded").unwrap_or(0).to_string())],
    rules: RULES,
    strategy: &JobStrategy,
    ..Kind::BASE
};

fn status(job: &Value) -> &'static str {
    let is = |condition| conditions::is_true(job, condition);
    match () {
        () if is("Complete") => "Complete",
        () if is("Failed") => "Failed",
        () if text(job, "/metadata/deletionTimestamp").is_some() => "Terminating",
        () if is("Suspended") => "Suspended",
        () if is("FailureTarget") => "FailureTarget",
        () if is("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

fn completions(job: &Value) -> String {
    let succeeded = number(job, "/status/succeeded").unwrap_or(0);
    let parallelism = number(job, "/spec/parallelism").unwrap_or(0);
    match number(job, "/spec/completions") {
        Some(wanted) => format!("{succeeded}/{wanted}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    }
}

fn duration(job: &Value, now: Timestamp) -> Value {
    let time = |pointer| text(job, pointer).and_then(|time| time.parse::<Timestamp>().ok());
    let Some(start) = time("/status/startTime") else { return json!("") };
    let end = time("/status/completionTime").unwrap_or(now);
    json!(age::human(end.as_second() - start.as_second()))
}

/// A job finds its pods by its uid, which nobody can guess beforehand.
struct JobStrategy;

impl Strategy for JobStrategy {
    fn default(&self, job: &mut Value) {
        if let Some(spec) = value::child(job, "spec") {
            defaults::job::spec(spec);
        }
        defaults::job::labels(job);
    }

    fn prepare_create(&self, job: &mut Value) {
        if job.pointer("/spec/manualSelector") != Some(&Value::Bool(true)) {
            defaults::job::select_by_uid(job);
            defaults::job::labels(job);
        }
    }

    fn validate(&self, job: &Value) -> FieldErrors {
        validation::typed(job, validation::job::validate)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::job::validate_update(new, old)
    }
}
