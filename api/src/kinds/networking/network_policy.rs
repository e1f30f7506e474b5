//! NetworkPolicy: who may talk to pods, and to whom they may talk.

use serde_json::{Value, json};

use crate::kinds::{Kind, Strategy};
use crate::table::{Column, cells};
use crate::validation::rule::Rule;
use crate::value;
use crate::{FieldErrors, validation};

/// NetworkPolicy.
pub static NETWORK_POLICY: Kind = Kind {
    group: "networking.k8s.io",
    kind: "NetworkPolicy",
    plural: "networkpolicies",
    singular: "networkpolicy",
    short_names: &["netpol"],
    generation: true,
    columns: &[
        Column::NAME,
        Column::text("Pod-Selector", "The pods that it is about.", |o, _| cells::selector_at(o, "/spec/podSelector")),
        Column::AGE,
    ],
    rules: &[
        Rule::selector("spec.podSelector"),
        Rule::at_most("spec.policyTypes", 2),
        Rule::one_of("spec.policyTypes[]", &["Egress", "Ingress"]),
    ],
    strategy: &NetworkPolicyStrategy,
    ..Kind::BASE
};

struct NetworkPolicyStrategy;

impl Strategy for NetworkPolicyStrategy {
    fn default(&self, policy: &mut Value) {
        let Some(spec) = value::child(policy, "spec") else { return };
        value::fill(spec, "podSelector", json!({}));
        for rules in ["ingress", "egress"] {
            for rule in value::items(spec, rules) {
                value::items(rule, "ports").for_each(|port| value::fill(port, "protocol", "TCP"));
            }
        }
        if value::list(spec, "/policyTypes").is_empty() {
            let types =
                if value::list(spec, "/egress").is_empty() { json!(["Ingress"]) } else { json!(["Ingress", "Egress"]) };
            spec["policyTypes"] = types;
        }
    }

    fn validate(&self, policy: &Value) -> FieldErrors {
        validation::typed(policy, validation::network::policy)
    }
}
