//! The JSON merge patch that makes one value of another, so that a controller states what should be and sends only what
//! differs.

use serde_json::{Map, Value};

/// The patch from `current` to `desired`; `None` if they are equal. Members that `desired` lacks are removed.
pub(crate) fn merge_diff(current: &Value, desired: &Value) -> Option<Value> {
    if current == desired {
        return None;
    }
    let (Value::Object(from), Value::Object(to)) = (current, desired) else { return Some(desired.clone()) };
    let mut patch = Map::new();
    for (key, value) in to {
        let old = from.get(key).unwrap_or(&Value::Null);
        if let Some(change) = merge_diff(old, value) {
            patch.insert(key.clone(), change);
        }
    }
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}
