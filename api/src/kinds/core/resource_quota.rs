//! ResourceQuota: how much all of a namespace may use together.

use serde_json::{Value, json};

use crate::defaults::Fill;
use crate::kinds::{Kind, Strategy, Subresource};
use crate::table::Column;
use crate::validation::rule::Rule;
use crate::value::{entries, text};
use crate::{FieldErrors, validation};

/// ResourceQuota.
pub static RESOURCE_QUOTA: Kind = Kind {
    kind: "ResourceQuota",
    plural: "resourcequotas",
    singular: "resourcequota",
    short_names: &["quota"],
    subresources: &[Subresource::Status],
    columns: &[
        Column::NAME,
        Column::text("Request", "What is used of what may be requested.", |o, _| used(o, false)),
        Column::text("Limit", "What is used of what limits may come to.", |o, _| used(o, true)),
        Column::AGE,
    ],
    defaults: &[Fill::canonical("spec.hard"), Fill::canonical("status.hard"), Fill::canonical("status.used")],
    rules: &[
        Rule::amount("spec.hard{}"),
        Rule::amount("status.hard{}"),
        Rule::amount("status.used{}"),
        Rule::one_of("spec.scopes[]", &validation::quota::SCOPES),
        Rule::one_of("spec.scopeSelector.matchExpressions[].scopeName", &validation::quota::SCOPES),
        Rule::one_of("spec.scopeSelector.matchExpressions[].operator", &["DoesNotExist", "Exists", "In", "NotIn"]),
        Rule::immutable("spec.scopes"),
        Rule::immutable("spec.scopeSelector"),
    ],
    strategy: &ResourceQuotaStrategy,
    ..Kind::BASE
};

fn used(quota: &Value, limits: bool) -> Value {
    let amount = |(name, hard): (&String, &Value)| {
        let used = text(quota, &format!("/status/used/{}", name.replace('/', "~1"))).unwrap_or("0").to_owned();
        format!("{name}: {used}/{}", hard.as_str().unwrap_or_default())
    };
    let chosen = entries(quota, "/status/hard").filter(|(name, _)| name.starts_with("limits.") == limits);
    json!(chosen.map(amount).collect::<Vec<_>>().join(", "))
}

struct ResourceQuotaStrategy;

impl Strategy for ResourceQuotaStrategy {
    fn validate(&self, quota: &Value) -> FieldErrors {
        validation::typed(quota, validation::quota::validate)
    }
}
