//! The rules of a Job.

use k8s_openapi::api::batch::v1::{Job, JobSpec, PodFailurePolicy, PodFailurePolicyRule, SuccessPolicy};
use serde_json::Value;

use super::rule::Rule;
use super::{Unique, pod_spec, scheduling, workload};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::value::{number, text};

/// The most pods that an indexed job may run at a time, and the most indexes it may have.
const MOST_INDEXED: (i32, i32) = (100_000, 1_000_000);

/// The rules for single fields.
pub const RULES: &[Rule] = &[
    Rule::at_least("spec.parallelism", 0),
    Rule::at_least("spec.completions", 0),
    Rule::at_least("spec.activeDeadlineSeconds", 0),
    Rule::at_least("spec.backoffLimit", 0),
    Rule::at_least("spec.backoffLimitPerIndex", 0),
    Rule::at_least("spec.maxFailedIndexes", 0),
    Rule::at_least("spec.ttlSecondsAfterFinished", 0),
    Rule::one_of("spec.completionMode", &["Indexed", "NonIndexed"]),
    Rule::one_of("spec.podReplacementPolicy", &["Failed", "TerminatingOrFailed"]),
    Rule::named("spec.managedBy", names::prefixed_path),
    Rule::at_most("spec.podFailurePolicy.rules", 20),
    Rule::required("spec.podFailurePolicy.rules[].action"),
    Rule::one_of("spec.podFailurePolicy.rules[].action", &["Count", "FailIndex", "FailJob", "Ignore"]),
    Rule::one_of("spec.podFailurePolicy.rules[].onExitCodes.operator", &["In", "NotIn"]),
    Rule::required("spec.podFailurePolicy.rules[].onExitCodes.values"),
    Rule::at_most("spec.podFailurePolicy.rules[].onExitCodes.values", 255),
    Rule::required("spec.podFailurePolicy.rules[].onPodConditions[].type"),
    Rule::one_of("spec.podFailurePolicy.rules[].onPodConditions[].status", &["False", "True", "Unknown"]),
    Rule::required("spec.successPolicy.rules"),
    Rule::at_most("spec.successPolicy.rules", 20),
    Rule::at_least("spec.successPolicy.rules[].succeededCount", 1),
    Rule::immutable("spec.selector"),
    Rule::immutable("spec.completionMode"),
    Rule::immutable("spec.podFailurePolicy"),
    Rule::immutable("spec.successPolicy"),
    Rule::immutable("spec.backoffLimitPerIndex"),
    Rule::immutable("spec.managedBy"),
];

/// What is wrong with a job, apart from [`RULES`].
pub fn validate(job: &Job, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec");
    let Some(spec) = &job.spec else {
        errors.push(FieldError::required(&path, ""));
        return;
    };
    match &spec.selector {
        None => errors.push(FieldError::required(&path.child("selector"), "")),
        Some(selector) => {
            scheduling::label_selector(selector, &path.child("selector"), errors);
            let labels = path.child("template").child("metadata").child("labels");
            workload::template_labels(selector, &spec.template, &labels, errors);
        }
    }
    validate_spec(spec, &path, errors);
}

/// What is wrong with the `spec` of a job that may not have been made yet.
pub fn validate_spec(spec: &JobSpec, path: &FieldPath, errors: &mut FieldErrors) {
    indexes(spec, path, errors);
    template(spec, path, errors);
    if let Some(policy) = &spec.pod_failure_policy {
        failure_policy(policy, spec, path, errors);
    }
    if let Some(policy) = &spec.success_policy {
        success_policy(policy, spec, &path.child("successPolicy"), errors);
    }
}

fn is_indexed(spec: &JobSpec) -> bool {
    spec.completion_mode.as_deref() == Some("Indexed")
}

fn indexes(spec: &JobSpec, path: &FieldPath, errors: &mut FieldErrors) {
    if is_indexed(spec) {
        let (parallelism, completions) = MOST_INDEXED;
        let why = "when completion mode is Indexed";
        errors.require(spec.completions.is_some(), || FieldError::required(&path.child("completions"), why));
        for (field, number, most) in
            [("parallelism", spec.parallelism, parallelism), ("completions", spec.completions, completions)]
        {
            if let Some(number) = number.filter(|number| *number > most) {
                let why = format!("must be less than or equal to {most} {why}");
                errors.push(FieldError::invalid(&path.child(field), number, why));
            }
        }
    }
    errors.require(spec.backoff_limit_per_index.is_none() || is_indexed(spec), || {
        let path = path.child("backoffLimitPerIndex");
        FieldError::invalid(&path, spec.backoff_limit_per_index, "requires indexed completion mode")
    });
    errors.require(spec.max_failed_indexes.is_none() || spec.backoff_limit_per_index.is_some(), || {
        FieldError::required(&path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified")
    });
}

fn template(spec: &JobSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let path = path.child("template").child("spec");
    let Some(pod) = &spec.template.spec else {
        errors.push(FieldError::required(&path.child("containers"), ""));
        return;
    };
    pod_spec::validate(pod, &path, errors);
    let path = path.child("restartPolicy");
    match pod.restart_policy.as_deref() {
        Some("Never" | "OnFailure") => {}
        None | Some("" | "Always") => {
            errors.push(FieldError::required(&path, "valid values: \"OnFailure\", \"Never\""));
        }
        Some(other) => errors.push(FieldError::not_supported(&path, other, &["Never", "OnFailure"])),
    }
    let never = pod.restart_policy.as_deref() == Some("Never");
    errors.require(never || spec.pod_failure_policy.is_none(), || {
        let why = "only \"Never\" is supported when podFailurePolicy is specified";
        FieldError::invalid(&path, pod.restart_policy.clone().unwrap_or_default(), why)
    });
}

fn failure_policy(policy: &PodFailurePolicy, spec: &JobSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let replacement = spec.pod_replacement_policy.as_deref();
    errors.require(replacement.is_none_or(|policy| policy == "Failed"), || {
        let why = "must be Failed when podFailurePolicy is specified";
        FieldError::invalid(&path.child("podReplacementPolicy"), replacement.unwrap_or_default(), why)
    });
    let path = path.child("podFailurePolicy").child("rules");
    for (index, rule) in policy.rules.iter().enumerate() {
        failure_rule(rule, spec, &path.index(index), errors);
    }
}

fn failure_rule(rule: &PodFailurePolicyRule, spec: &JobSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let conditions = rule.on_pod_conditions.as_ref().is_some_and(|conditions| !conditions.is_empty());
    errors.require(rule.on_exit_codes.is_some() != conditions, || {
        FieldError::invalid(path, rule.action.as_str(), "specifying one of OnExitCodes and OnPodConditions is required")
    });
    errors.require(rule.action != "FailIndex" || spec.backoff_limit_per_index.is_some(), || {
        let why = "requires the backoffLimitPerIndex to be set";
        FieldError::invalid(&path.child("action"), rule.action.as_str(), why)
    });
    let Some(codes) = &rule.on_exit_codes else { return };
    let path = path.child("onExitCodes");
    let mut seen = Unique::default();
    for (index, code) in codes.values.iter().enumerate() {
        let path = path.child("values").index(index);
        seen.add(errors, &path, code.to_string());
        errors.require(codes.operator != "In" || *code != 0, || {
            FieldError::invalid(&path, *code, "must not be 0 for the In operator")
        });
    }
    let Some(name) = codes.container_name.as_deref() else { return };
    let pod = spec.template.spec.as_ref();
    let containers = pod.into_iter().flat_map(|pod| pod.containers.iter().chain(pod.init_containers.iter().flatten()));
    let known = containers.into_iter().any(|container| container.name == name);
    errors.require(known, || {
        let why = "must be one of the container or initContainer names in the pod template";
        FieldError::invalid(&path.child("containerName"), name, why)
    });
}

fn success_policy(policy: &SuccessPolicy, spec: &JobSpec, path: &FieldPath, errors: &mut FieldErrors) {
    errors.require(is_indexed(spec), || FieldError::invalid(path, Value::Null, "requires indexed completion mode"));
    for (index, rule) in policy.rules.iter().enumerate() {
        errors.require(rule.succeeded_count.is_some() || rule.succeeded_indexes.is_some(), || {
            let why = "at least one of succeededCount or succeededIndexes must be specified";
            FieldError::required(&path.child("rules").index(index), why)
        });
    }
}

/// What is wrong with a change. Where the pods run may change as long as none has run.
pub fn validate_update(new: &Value, old: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let (before, after) = (number(old, "/spec/completions"), number(new, "/spec/completions"));
    let elastic = text(new, "/spec/completionMode") == Some("Indexed") && after == number(new, "/spec/parallelism");
    errors.require(before == after || elastic, || FieldError::immutable(&FieldPath::new("spec.completions"), after));
    let at = |job: &Value| job.pointer("/spec/template").cloned().unwrap_or_default();
    let (mut template, before) = (at(new), at(old));
    let has_not_begun =
        old.pointer("/spec/suspend") == Some(&Value::Bool(true)) && text(old, "/status/startTime").is_none();
    if has_not_begun {
        undo_placement(&mut template, &before);
    }
    errors.require(template == before, || FieldError::immutable(&FieldPath::new("spec.template"), at(new)));
    errors
}

/// Takes back what says where pods run, and their labels and annotations.
fn undo_placement(template: &mut Value, before: &Value) {
    const FIELDS: [(&str, &str); 6] = [
        ("metadata", "annotations"),
        ("metadata", "labels"),
        ("spec", "nodeSelector"),
        ("spec", "affinity"),
        ("spec", "tolerations"),
        ("spec", "schedulingGates"),
    ];
    for (part, field) in FIELDS {
        let Some(part_of_new) = template.get_mut(part).and_then(Value::as_object_mut) else { continue };
        match before.pointer(&format!("/{part}/{field}")) {
            Some(value) => drop(part_of_new.insert(field.to_owned(), value.clone())),
            None => drop(part_of_new.remove(field)),
        }
    }
}
