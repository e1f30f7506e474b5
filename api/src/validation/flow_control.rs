//! The rules of FlowSchema and PriorityLevelConfiguration.

use serde_json::Value;

use super::rule::Rule;
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::value::{list, number, text};

/// The rules of a schema for single fields.
pub const FLOW_SCHEMA_RULES: &[Rule] = &[
    Rule::within("spec.matchingPrecedence", 1, 10_000),
    Rule::required("spec.priorityLevelConfiguration.name"),
    Rule::named("spec.priorityLevelConfiguration.name", names::dns_subdomain),
    Rule::required("spec.distinguisherMethod.type"),
    Rule::one_of("spec.distinguisherMethod.type", &["ByNamespace", "ByUser"]),
    Rule::required("spec.rules[].subjects"),
    Rule::required("spec.rules[].subjects[].kind"),
    Rule::one_of("spec.rules[].subjects[].kind", &["Group", "ServiceAccount", "User"]),
    Rule::required("spec.rules[].subjects[].user.name"),
    Rule::required("spec.rules[].subjects[].group.name"),
    Rule::required("spec.rules[].subjects[].serviceAccount.name"),
    Rule::required("spec.rules[].subjects[].serviceAccount.namespace"),
    Rule::required("spec.rules[].resourceRules[].verbs"),
    Rule::required("spec.rules[].resourceRules[].apiGroups"),
    Rule::required("spec.rules[].resourceRules[].resources"),
    Rule::required("spec.rules[].nonResourceRules[].verbs"),
    Rule::required("spec.rules[].nonResourceRules[].nonResourceURLs"),
];

/// The rules of a level for single fields.
pub const PRIORITY_LEVEL_RULES: &[Rule] = &[
    Rule::required("spec.type"),
    Rule::one_of("spec.type", &["Exempt", "Limited"]),
    Rule::at_least("spec.exempt.nominalConcurrencyShares", 0),
    Rule::within("spec.exempt.lendablePercent", 0, 100),
    Rule::at_least("spec.limited.nominalConcurrencyShares", 0),
    Rule::within("spec.limited.lendablePercent", 0, 100),
    Rule::at_least("spec.limited.borrowingLimitPercent", 0),
    Rule::required("spec.limited.limitResponse.type"),
    Rule::one_of("spec.limited.limitResponse.type", &["Queue", "Reject"]),
    Rule::within("spec.limited.limitResponse.queuing.queues", 1, 10_000_000),
    Rule::at_least("spec.limited.limitResponse.queuing.handSize", 1),
    Rule::at_least("spec.limited.limitResponse.queuing.queueLengthLimit", 1),
];

/// What is wrong with a schema, apart from [`FLOW_SCHEMA_RULES`].
pub fn flow_schema(schema: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let exempt = text(schema, "/metadata/name") == Some("exempt");
    let precedence = number(schema, "/spec/matchingPrecedence").unwrap_or_default();
    errors.require(precedence != 1 || exempt, || {
        let why = "only the schema named 'exempt' may have matchingPrecedence 1";
        FieldError::invalid(&FieldPath::new("spec.matchingPrecedence"), precedence, why)
    });
    for (index, rule) in list(schema, "/spec/rules").iter().enumerate() {
        let path = FieldPath::new("spec.rules").index(index);
        policy_rule(rule, &path, &mut errors);
    }
    errors
}

fn policy_rule(rule: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let none = list(rule, "/resourceRules").is_empty() && list(rule, "/nonResourceRules").is_empty();
    errors.require(!none, || {
        FieldError::required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")
    });
    for (index, subject) in list(rule, "/subjects").iter().enumerate() {
        let path = path.child("subjects").index(index);
        let kind = text(subject, "/kind").unwrap_or_default();
        for (word, field) in [("User", "user"), ("Group", "group"), ("ServiceAccount", "serviceAccount")] {
            let there = subject.get(field).is_some();
            errors.require(kind != word || there, || {
                FieldError::required(&path.child(field), format!("{field} is required when subject kind is '{word}'"))
            });
            errors.require(kind == word || !there, || {
                FieldError::forbidden(
                    &path.child(field),
                    format!("{field} is forbidden when subject kind is not '{word}'"),
                )
            });
        }
    }
    for (index, one) in list(rule, "/resourceRules").iter().enumerate() {
        let path = path.child("resourceRules").index(index);
        let reaches = one["clusterScope"] == true || !list(one, "/namespaces").is_empty();
        errors.require(reaches, || {
            FieldError::required(
                &path.child("namespaces"),
                "resource rules that are not cluster scoped must supply at least one namespace",
            )
        });
    }
}

/// What is wrong with a level, apart from [`PRIORITY_LEVEL_RULES`].
pub fn priority_level(level: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec");
    let name = text(level, "/metadata/name").unwrap_or_default();
    let kind = text(level, "/spec/type").unwrap_or_default();
    errors.require((name == "exempt") == (kind == "Exempt"), || {
        let why = "must be 'Exempt' for the level named 'exempt', and for no other";
        FieldError::invalid(&path.child("type"), kind, why)
    });
    for (word, field) in [("Exempt", "exempt"), ("Limited", "limited")] {
        let there = level.pointer(&format!("/spec/{field}")).is_some();
        errors.require(kind == word || !there, || {
            FieldError::forbidden(&path.child(field), format!("must be nil if the type is {kind}"))
        });
        errors.require(word == "Exempt" || kind != word || there, || {
            FieldError::required(&path.child(field), "must not be empty when type is Limited")
        });
    }
    queuing(level, &path.child("limited").child("limitResponse"), &mut errors);
    errors
}

fn queuing(level: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(response) = level.pointer("/spec/limited/limitResponse") else { return };
    let path = path.child("queuing");
    let kind = text(response, "/type");
    match (kind, response.get("queuing")) {
        (Some("Queue"), None) => {
            errors.push(FieldError::required(&path, "must not be empty if and only if limited type is Queue"));
        }
        (Some("Reject"), Some(_)) => {
            errors.push(FieldError::forbidden(&path, "must be nil if limited.limitResponse.type is not Queue"));
        }
        (_, Some(queuing)) => {
            let (hand, queues) = (number(queuing, "/handSize"), number(queuing, "/queues"));
            let fits = hand.zip(queues).is_none_or(|(hand, queues)| hand <= queues);
            errors.require(fits, || {
                let why = format!("should not be greater than queues ({})", queues.unwrap_or_default());
                FieldError::invalid(&path.child("handSize"), hand, why)
            });
        }
        _ => {}
    }
}
