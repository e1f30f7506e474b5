//! The rules for where a pod may go: node selector, affinity, tolerations, spread.

use k8s_openapi::api::core::v1::{
    Affinity, NodeSelectorTerm, PodAffinityTerm, PodSpec, Toleration, TopologySpreadConstraint,
};

use super::{named, one_of, required, required_name};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::selectors::LabelSelector;

const EFFECTS: [&str; 3] = ["NoExecute", "NoSchedule", "PreferNoSchedule"];

/// What is wrong with the parts of the spec that the scheduler reads.
pub fn validate(spec: &PodSpec, path: &FieldPath, errors: &mut FieldErrors) {
    for (key, value) in spec.node_selector.iter().flatten() {
        named(errors, &path.child("nodeSelector"), key, names::qualified_name);
        named(errors, &path.child("nodeSelector"), value, names::label_value);
    }
    for (index, one) in spec.tolerations.iter().flatten().enumerate() {
        toleration(one, &path.child("tolerations").index(index), errors);
    }
    for (index, one) in spec.topology_spread_constraints.iter().flatten().enumerate() {
        spread(one, &path.child("topologySpreadConstraints").index(index), errors);
    }
    if let Some(one) = &spec.affinity {
        affinity(one, &path.child("affinity"), errors);
    }
    for (index, gate) in spec.readiness_gates.iter().flatten().enumerate() {
        let path = path.child("readinessGates").index(index).child("conditionType");
        named(errors, &path, &gate.condition_type, names::qualified_name);
    }
}

fn toleration(one: &Toleration, path: &FieldPath, errors: &mut FieldErrors) {
    let key = one.key.as_deref().unwrap_or_default();
    let value = one.value.as_deref().unwrap_or_default();
    let operator = one.operator.as_deref().filter(|o| !o.is_empty());
    if !key.is_empty() {
        named(errors, &path.child("key"), key, names::qualified_name);
    } else if operator != Some("Exists") {
        let detail = "must be 'Exists' when `key` is empty: that tolerates everything";
        errors.push(FieldError::invalid(&path.child("operator"), operator.unwrap_or_default(), detail));
    }
    match operator {
        None | Some("Equal") => named(errors, &path.child("operator"), value, names::label_value),
        Some("Exists") => errors.require(value.is_empty(), || {
            FieldError::invalid(&path.child("operator"), value, "`value` must be empty when `operator` is 'Exists'")
        }),
        Some(other) => one_of(errors, &path.child("operator"), Some(other), &["Equal", "Exists"]),
    }
    let effect = one.effect.as_deref().filter(|e| !e.is_empty());
    one_of(errors, &path.child("effect"), effect, &EFFECTS);
    if one.toleration_seconds.is_some() && effect != Some("NoExecute") {
        let detail = "must be 'NoExecute' when `tolerationSeconds` is set";
        errors.push(FieldError::invalid(&path.child("effect"), effect.unwrap_or_default(), detail));
    }
}

fn spread(one: &TopologySpreadConstraint, path: &FieldPath, errors: &mut FieldErrors) {
    errors.require(one.max_skew > 0, || {
        FieldError::invalid(&path.child("maxSkew"), one.max_skew, "must be greater than zero")
    });
    required_name(errors, &path.child("topologyKey"), &one.topology_key, names::qualified_name);
    let ways = ["DoNotSchedule", "ScheduleAnyway"];
    one_of(errors, &path.child("whenUnsatisfiable"), Some(&one.when_unsatisfiable), &ways);
    if let Some(selector) = &one.label_selector {
        label_selector(selector, &path.child("labelSelector"), errors);
    }
}

type ApiSelector = k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// The selector must be well formed.
pub fn label_selector(selector: &ApiSelector, path: &FieldPath, errors: &mut FieldErrors) {
    if let Err(error) = LabelSelector::from_typed(selector) {
        let value = serde_json::to_value(selector).unwrap_or_default();
        errors.push(FieldError::invalid(path, value, error.to_string()));
    }
}

fn affinity(affinity: &Affinity, path: &FieldPath, errors: &mut FieldErrors) {
    if let Some(node) = &affinity.node_affinity {
        let path = path.child("nodeAffinity");
        if let Some(needed) = &node.required_during_scheduling_ignored_during_execution {
            let path = path.child("requiredDuringSchedulingIgnoredDuringExecution").child("nodeSelectorTerms");
            let detail = "a node selector needs a term";
            errors.require(!needed.node_selector_terms.is_empty(), || FieldError::required(&path, detail));
            for (index, term) in needed.node_selector_terms.iter().enumerate() {
                node_term(term, &path.index(index), errors);
            }
        }
        for (index, term) in node.preferred_during_scheduling_ignored_during_execution.iter().flatten().enumerate() {
            let path = path.child("preferredDuringSchedulingIgnoredDuringExecution").index(index);
            weight(term.weight, &path, errors);
            node_term(&term.preference, &path.child("preference"), errors);
        }
    }
    pod_affinities(affinity, path, errors);
}

fn weight(weight: i32, path: &FieldPath, errors: &mut FieldErrors) {
    errors.require((1..=100).contains(&weight), || {
        FieldError::invalid(&path.child("weight"), weight, "must be in the range 1-100")
    });
}

fn node_term(term: &NodeSelectorTerm, path: &FieldPath, errors: &mut FieldErrors) {
    for (index, one) in term.match_expressions.iter().flatten().enumerate() {
        let path = path.child("matchExpressions").index(index);
        named(errors, &path.child("key"), &one.key, names::qualified_name);
        let count = one.values.as_ref().map_or(0, Vec::len);
        let fits = match one.operator.as_str() {
            "In" | "NotIn" => count > 0,
            "Exists" | "DoesNotExist" => count == 0,
            "Gt" | "Lt" => count == 1,
            other => {
                let operators = ["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"];
                errors.push(FieldError::not_supported(&path.child("operator"), other, &operators));
                true
            }
        };
        let detail = format!("the number of values does not suit the operator '{}'", one.operator);
        errors.require(fits, || {
            FieldError::invalid(&path.child("values"), one.values.clone().unwrap_or_default(), detail)
        });
    }
}

fn pod_affinities(affinity: &Affinity, path: &FieldPath, errors: &mut FieldErrors) {
    let near = affinity.pod_affinity.as_ref().map(|a| {
        (
            &a.required_during_scheduling_ignored_during_execution,
            &a.preferred_during_scheduling_ignored_during_execution,
        )
    });
    let apart = affinity.pod_anti_affinity.as_ref().map(|a| {
        (
            &a.required_during_scheduling_ignored_during_execution,
            &a.preferred_during_scheduling_ignored_during_execution,
        )
    });
    for (field, terms) in [("podAffinity", near), ("podAntiAffinity", apart)] {
        let Some((needed, preferred)) = terms else { continue };
        let path = path.child(field);
        for (index, term) in needed.iter().flatten().enumerate() {
            pod_term(term, &path.child("requiredDuringSchedulingIgnoredDuringExecution").index(index), errors);
        }
        for (index, term) in preferred.iter().flatten().enumerate() {
            let path = path.child("preferredDuringSchedulingIgnoredDuringExecution").index(index);
            weight(term.weight, &path, errors);
            pod_term(&term.pod_affinity_term, &path.child("podAffinityTerm"), errors);
        }
    }
}

fn pod_term(term: &PodAffinityTerm, path: &FieldPath, errors: &mut FieldErrors) {
    if required(errors, &path.child("topologyKey"), &term.topology_key) {
        named(errors, &path.child("topologyKey"), &term.topology_key, names::qualified_name);
    }
    if let Some(selector) = &term.label_selector {
        label_selector(selector, &path.child("labelSelector"), errors);
    }
    for (index, namespace) in term.namespaces.iter().flatten().enumerate() {
        named(errors, &path.child("namespaces").index(index), namespace, names::dns_label);
    }
}
