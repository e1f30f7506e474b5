//! Conditions: the list in `status.conditions`, one entry a type.
//!
//! `lastTransitionTime` moves only when a condition's status changes; this file keeps that rule.

use serde_json::{Value, json};

use crate::value;

/// A condition to set.
#[derive(Clone, Copy, Debug)]
pub struct Condition<'a> {
    /// What it is about, such as `Ready`.
    pub condition_type: &'a str,
    /// `True`, `False` or `Unknown`.
    pub status: &'a str,
    /// A word for programs.
    pub reason: &'a str,
    /// A sentence for people.
    pub message: &'a str,
}

/// The condition of that type in `status.conditions`.
pub fn find<'a>(object: &'a Value, condition_type: &str) -> Option<&'a Value> {
    value::list(object, "/status/conditions").iter().find(|c| value::text(c, "/type") == Some(condition_type))
}

/// Whether the condition of that type is `True`.
pub fn is_true(object: &Value, condition_type: &str) -> bool {
    find(object, condition_type).and_then(|c| value::text(c, "/status")) == Some("True")
}

/// Sets a condition in `status.conditions`. Returns whether anything changed. `now` is RFC 3339.
pub fn set(object: &mut Value, condition: Condition<'_>, now: &str) -> bool {
    let Some(status) = value::child(object, "status") else { return false };
    value::fill(status, "conditions", json!([]));
    let Some(list) = status.get_mut("conditions").and_then(Value::as_array_mut) else { return false };
    let same_type = |c: &&mut Value| value::text(c, "/type") == Some(condition.condition_type);
    match list.iter_mut().find(same_type) {
        Some(old) => change(old, condition, now),
        None => {
            list.push(json!({
                "type": condition.condition_type, "status": condition.status, "reason": condition.reason,
                "message": condition.message, "lastTransitionTime": now,
            }));
            true
        }
    }
}

fn change(old: &mut Value, new: Condition<'_>, now: &str) -> bool {
    let before = old.clone();
    if value::text(old, "/status") != Some(new.status) {
        old["lastTransitionTime"] = json!(now);
    }
    old["status"] = json!(new.status);
    old["reason"] = json!(new.reason);
    old["message"] = json!(new.message);
    *old != before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(status: &str) -> Condition<'_> {
        Condition { condition_type: "Ready", status, reason: "Because", message: "" }
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let mut pod = json!({});
        assert!(set(&mut pod, ready("False"), "t1"));
        assert!(!set(&mut pod, ready("False"), "t2"));
        assert_eq!(find(&pod, "Ready").unwrap()["lastTransitionTime"], "t1");
        assert!(set(&mut pod, ready("True"), "t3"));
        assert_eq!(find(&pod, "Ready").unwrap()["lastTransitionTime"], "t3");
        assert!(is_true(&pod, "Ready"));
        assert_eq!(value::list(&pod, "/status/conditions").len(), 1);
    }
}
