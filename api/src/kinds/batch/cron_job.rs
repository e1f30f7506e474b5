//! CronJob: a job at given times.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::defaults::Fill;
use crate::kinds::{Kind, Strategy, Subresource};
use crate::table::{Column, age, cells};
use crate::validation::rule::Rule;
use crate::value::{self, list, text};
use crate::{FieldErrors, defaults, validation};

/// CronJob.
pub static CRON_JOB: Kind = Kind {
    group: "batch",
    kind: "CronJob",
    plural: "cronjobs",
    singular: "cronjob",
    short_names: &["cj"],
    categories: &["all"],
    subresources: &[Subresource::Status],
    generation: true,
    columns: &[
        Column::NAME,
        Column::text("Schedule", "When it runs.", |o, _| cells::plain(o, "/spec/schedule")),
        Column::text("Timezone", "Where these times are.", |o, _| cells::or_none(o, "/spec/timeZone")),
        Column::text("Suspend", "Whether it is held.", |o, _| json!(suspend(o))),
        Column::number("Active", "How many jobs run.", |o, _| cells::length(o, "/status/active")),
        Column::text("Last Schedule", "When it ran last.", last_schedule),
        Column::AGE,
        Column::text("Containers", "The names of the containers.", |o, _| containers(o, "/name")).wide(),
        Column::text("Images", "The images of the containers.", |o, _| containers(o, "/image")).wide(),
        Column::text("Selector", "The labels of the pods.", |o, _| {
            cells::selector_at(o, "/spec/jobTemplate/spec/selector")
        })
        .wide(),
    ],
    defaults: &[
        Fill::text("spec.concurrencyPolicy", "Allow"),
        Fill::flag("spec.suspend", false),
        Fill::number("spec.successfulJobsHistoryLimit", 3),
        Fill::number("spec.failedJobsHistoryLimit", 1),
    ],
    rules: &[
        Rule::required("spec.schedule"),
        Rule::one_of("spec.concurrencyPolicy", &["Allow", "Forbid", "Replace"]),
        Rule::at_least("spec.startingDeadlineSeconds", 0),
        Rule::at_least("spec.successfulJobsHistoryLimit", 0),
        Rule::at_least("spec.failedJobsHistoryLimit", 0),
    ],
    strategy: &CronJobStrategy,
    ..Kind::BASE
};

fn suspend(cron_job: &Value) -> &'static str {
    match cron_job.pointer("/spec/suspend") {
        Some(Value::Bool(true)) => "True",
        Some(Value::Bool(false)) => "False",
        _ => "<unset>",
    }
}

fn last_schedule(cron_job: &Value, now: Timestamp) -> Value {
    match text(cron_job, "/status/lastScheduleTime") {
        Some(time) => json!(age::since(Some(time), now)),
        None => json!("<none>"),
    }
}

fn containers(cron_job: &Value, field: &str) -> Value {
    let containers = list(cron_job, "/spec/jobTemplate/spec/template/spec/containers");
    cells::join(containers.iter().filter_map(|container| text(container, field)))
}

struct CronJobStrategy;

impl Strategy for CronJobStrategy {
    /// The job itself gets its defaults when it is made, but for those of its pods.
    fn default(&self, cron_job: &mut Value) {
        let template = value::child(cron_job, "spec").and_then(|spec| value::child(spec, "jobTemplate"));
        if let Some(spec) = template.and_then(|template| value::child(template, "spec")) {
            defaults::pod::template(spec);
        }
    }

    fn validate(&self, cron_job: &Value) -> FieldErrors {
        validation::cron_job::validate(cron_job)
    }
}
