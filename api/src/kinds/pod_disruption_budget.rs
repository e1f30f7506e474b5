//! PodDisruptionBudget: how many pods of an application may be taken away on purpose at the same time.

use serde_json::{Value, json};

use super::{Kind, Strategy, Subresource};
use crate::table::{Column, cells};
use crate::validation::rule::Rule;
use crate::{FieldErrors, validation};

/// PodDisruptionBudget.
pub static POD_DISRUPTION_BUDGET: Kind = Kind {
    group: "policy",
    kind: "PodDisruptionBudget",
    plural: "poddisruptionbudgets",
    singular: "poddisruptionbudget",
    short_names: &["pdb"],
    subresources: &[Subresource::Status],
    generation: true,
    needs_version: true,
    columns: &[
        Column::NAME,
        Column::text("Min Available", "How many pods must stay.", |o, _| cells::scalar(o, "/spec/minAvailable", "N/A")),
        Column::text("Max Unavailable", "How many pods may be away.", |o, _| {
            cells::scalar(o, "/spec/maxUnavailable", "N/A")
        }),
        Column::number("Allowed Disruptions", "How many pods may go now.", |o, _| {
            cells::count(o, "/status/disruptionsAllowed")
        }),
        Column::AGE,
    ],
    rules: &[
        Rule::selector("spec.selector"),
        Rule::one_of("spec.unhealthyPodEvictionPolicy", &["AlwaysAllow", "IfHealthyBudget"]),
    ],
    strategy: &BudgetStrategy,
    ..Kind::BASE
};

struct BudgetStrategy;

impl Strategy for BudgetStrategy {
    fn prepare_create(&self, budget: &mut Value) {
        for count in ["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"] {
            budget["status"][count] = json!(0);
        }
    }

    fn validate(&self, budget: &Value) -> FieldErrors {
        validation::typed(budget, validation::budget::validate)
    }
}
