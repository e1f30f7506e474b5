//! Defaults of limit ranges: what is asked for by default is what is allowed, and the reverse.

use serde_json::Value;

use super::canonical_quantities;
use crate::value::{child, entries, existing, fill};

/// The defaults of one item.
pub fn item(item: &mut Value) {
    for list in ["default", "defaultRequest", "max", "maxLimitRequestRatio", "min"] {
        existing(item, list).into_iter().for_each(canonical_quantities);
    }
    if item["type"] != "Container" {
        return;
    }
    take_missing(item, "default", "max");
    take_missing(item, "defaultRequest", "default");
    take_missing(item, "defaultRequest", "min");
}

/// Fills a list of amounts with those of another.
fn take_missing(item: &mut Value, list: &str, from: &str) {
    let amounts: Vec<(String, Value)> =
        entries(item, &format!("/{from}")).map(|(name, amount)| (name.clone(), amount.clone())).collect();
    if amounts.is_empty() {
        return;
    }
    let Some(list) = child(item, list) else { return };
    amounts.into_iter().for_each(|(name, amount)| fill(list, &name, amount));
}
