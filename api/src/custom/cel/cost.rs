//! What rules may cost, before there is an object.
//!
//! A rule within a list runs once an item, so what it costs is counted as often as there can be items: as many as the schema
//! says, or else as many as fit into the largest request. The estimate counts steps and loops, and leaves out how long texts are,
//! so it is below what can happen; what is above the limit is surely too much. The budget of each write holds for the rest.

use serde_json::Value;

use crate::value::{list, text};

/// The most that one rule may cost, wherever it stands.
pub(super) const PER_RULE: u64 = 10_000_000;

/// The most that all rules of one version may cost.
pub(super) const PER_SCHEMA: u64 = 100_000_000;

/// The largest request, in bytes.
const REQUEST: u64 = 3 << 20;

/// How large a value of that schema can be: items of a list, entries of a map, characters of a text.
pub(in crate::custom) fn most(schema: &Value) -> Option<u64> {
    let said = |key: &str| schema.get(key).and_then(Value::as_u64);
    let inner = |key: &str| schema.get(key).map_or(1, least);
    match text(schema, "/type")? {
        "array" => said("maxItems").or(Some(REQUEST / (1 + inner("items")))),
        "object" => said("maxProperties").or(Some(REQUEST / (4 + inner("additionalProperties")))),
        "string" => said("maxLength").or(Some(REQUEST)),
        _ => None,
    }
}

/// The fewest bytes of a value.
fn least(schema: &Value) -> u64 {
    match text(schema, "/type") {
        Some("object") => {
            let needed = list(schema, "/required").iter().filter_map(Value::as_str);
            let size = |name: &str| {
                let field = schema.get("properties").and_then(|fields| fields.get(name)).map_or(1, least);
                u64::try_from(name.len()).unwrap_or(u64::MAX).saturating_add(4).saturating_add(field)
            };
            needed.map(size).fold(2, u64::saturating_add)
        }
        Some("array" | "string") => 2,
        Some("boolean") => 4,
        _ => 1,
    }
}
