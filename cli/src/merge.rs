//! The three-way merge of `apply`, as a JSON merge patch (RFC 7386).
//!
//! What the files say now is set where it differs from what is; what they said last time and say no longer is removed; what
//! they never spoke of belongs to others (defaults, controllers, other people) and stays. Lists are values: a list that differs
//! is replaced whole. What was said last time is kept with the object, in the annotation that kubectl uses too, so both tools
//! may take turns.

use serde_json::{Map, Value};

/// Where the last applied configuration is kept.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The patch that makes `current` be as `wanted` says; `None` when it is so already.
pub(crate) fn three_way(last: &Value, wanted: &Value, current: &Value) -> Option<Value> {
    let patch = object_patch(as_map(last), as_map(wanted), as_map(current));
    (!patch.is_empty()).then_some(Value::Object(patch))
}

fn as_map(value: &Value) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&EMPTY)
}

fn object_patch(
    last: &Map<String, Value>,
    wanted: &Map<String, Value>,
    current: &Map<String, Value>,
) -> Map<String, Value> {
    let removed = last.keys().filter(|key| !wanted.contains_key(*key) && current.contains_key(*key));
    let removed = removed.map(|key| (key.clone(), Value::Null));
    let changed = wanted
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value_patch(last.get(key), value, current.get(key))?)));
    removed.chain(changed).collect()
}

fn value_patch(last: Option<&Value>, wanted: &Value, current: Option<&Value>) -> Option<Value> {
    match (wanted, current) {
        (Value::Object(_), Some(current @ Value::Object(_))) => {
            three_way(last.unwrap_or(&Value::Null), wanted, current)
        }
        // `key: null` in a file means that the key shall be absent.
        (Value::Null, None) => None,
        (wanted, Some(current)) if wanted == current => None,
        _ => Some(wanted.clone()),
    }
}

/// What the object says was applied last; null when nobody has applied it.
pub(crate) fn last_applied(current: &Value) -> Value {
    let annotation = current["metadata"]["annotations"][LAST_APPLIED].as_str();
    annotation.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// `wanted` with the annotation that remembers it.
pub(crate) fn remember(wanted: &Value) -> Value {
    let mut plain = wanted.clone();
    if let Some(annotations) = plain.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    let mut remembering = plain.clone();
    let metadata = &mut remembering["metadata"];
    if !metadata["annotations"].is_object() {
        metadata["annotations"] = Value::Object(Map::new());
    }
    metadata["annotations"][LAST_APPLIED] = Value::String(format!("{plain}\n"));
    remembering
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(last: &Value, wanted: &Value, current: &Value, expected: Option<Value>) {
        assert_eq!(three_way(last, wanted, current), expected);
    }

    #[test]
    fn what_others_set_stays_and_what_differs_is_set() {
        let current = json!({"spec": {"replicas": 2, "strategy": "defaulted"}, "status": {"ready": 2}});
        check(&Value::Null, &json!({"spec": {"replicas": 3}}), &current, Some(json!({"spec": {"replicas": 3}})));
    }

    #[test]
    fn what_is_no_longer_said_is_removed_unless_it_is_gone() {
        let last = json!({"data": {"a": "1", "b": "2", "c": "3"}});
        let current = json!({"data": {"a": "1", "b": "2", "other": "x"}});
        check(&last, &json!({"data": {"a": "1"}}), &current, Some(json!({"data": {"b": null}})));
    }

    #[test]
    fn nothing_to_do_is_no_patch() {
        let wanted = json!({"spec": {"list": [1, 2], "gone": null}});
        check(&wanted, &wanted, &json!({"spec": {"list": [1, 2]}, "status": {}}), None);
    }

    #[test]
    fn lists_are_replaced_whole() {
        check(&Value::Null, &json!({"list": [1]}), &json!({"list": [1, 2]}), Some(json!({"list": [1]})));
    }

    #[test]
    fn what_was_remembered_is_found_again_without_itself() {
        let wanted = json!({"kind": "Pod", "metadata": {"name": "a", "annotations": {"x": "y"}}});
        let twice = remember(&remember(&wanted));
        assert_eq!(last_applied(&twice), wanted);
        assert_eq!(twice["metadata"]["annotations"]["x"], "y");
        let bare = json!({"kind": "Pod", "metadata": {"name": "a"}});
        assert_eq!(last_applied(&remember(&bare)), bare);
    }
}
