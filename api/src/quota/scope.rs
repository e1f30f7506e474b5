//! Which objects a quota is about: its `scopes` and `scopeSelector`. They select pods; a quota with scopes is about nothing else.

use serde_json::Value;

use crate::value::{list, text};
use crate::{Kind, qos};

/// Whether the quota counts this object.
pub fn covers(quota: &Value, kind: &Kind, object: &Value) -> bool {
    let simple = list(quota, "/spec/scopes").iter().filter_map(Value::as_str);
    let mut conditions = simple
        .map(Condition::simple)
        .chain(list(quota, "/spec/scopeSelector/matchExpressions").iter().map(Condition::read));
    conditions.all(|condition| condition.holds(kind, object))
}

struct Condition<'a> {
    scope: &'a str,
    operator: &'a str,
    values: &'a [Value],
}

impl<'a> Condition<'a> {
    fn simple(scope: &'a str) -> Self {
        Self { scope, operator: "Exists", values: &[] }
    }

    fn read(expression: &'a Value) -> Self {
        let word = |pointer| text(expression, pointer).unwrap_or_default();
        Self { scope: word("/scopeName"), operator: word("/operator"), values: list(expression, "/values") }
    }

    fn holds(&self, kind: &Kind, object: &Value) -> bool {
        match (kind.group, kind.plural) {
            ("", "pods") => self.holds_for_pod(object),
            ("", "persistentvolumeclaims") if self.scope == "VolumeAttributesClass" => {
                self.names(text(object, "/spec/volumeAttributesClassName"))
            }
            _ => false,
        }
    }

    fn holds_for_pod(&self, pod: &Value) -> bool {
        let has = |pointer: &str| pod.pointer(pointer).is_some_and(|value| !value.is_null());
        match self.scope {
            "Terminating" => has("/spec/activeDeadlineSeconds"),
            "NotTerminating" => !has("/spec/activeDeadlineSeconds"),
            "BestEffort" => qos::class(pod) == "BestEffort",
            "NotBestEffort" => qos::class(pod) != "BestEffort",
            "PriorityClass" => self.names(text(pod, "/spec/priorityClassName")),
            "CrossNamespacePodAffinity" => crosses_namespaces(pod),
            _ => false,
        }
    }

    fn names(&self, found: Option<&str>) -> bool {
        let is_listed = found.is_some_and(|found| self.values.iter().any(|value| value == found));
        match self.operator {
            "In" => is_listed,
            "NotIn" => !is_listed,
            "Exists" => found.is_some(),
            "DoesNotExist" => found.is_none(),
            _ => false,
        }
    }
}

/// Whether an affinity term looks at other namespaces.
fn crosses_namespaces(pod: &Value) -> bool {
    let names_others = |term: &Value| {
        !list(term, "/namespaces").is_empty() || term.get("namespaceSelector").is_some_and(|value| !value.is_null())
    };
    ["podAffinity", "podAntiAffinity"].iter().any(|sort| {
        let at = |list_name: &str| list(pod, &format!("/spec/affinity/{sort}/{list_name}"));
        let preferred = at("preferredDuringSchedulingIgnoredDuringExecution").iter();
        at("requiredDuringSchedulingIgnoredDuringExecution").iter().any(names_others)
            || preferred.filter_map(|weighted| weighted.get("podAffinityTerm")).any(names_others)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(quota: Value, pod: Value, expect: bool) {
        let kind = crate::resolve("pods").unwrap();
        assert_eq!(covers(&json!({ "spec": quota }), kind, &json!({ "spec": pod })), expect, "{quota} {pod}");
    }

    #[test]
    fn scopes_select_pods() {
        check(json!({}), json!({}), true);
        check(json!({"scopes": ["Terminating"]}), json!({"activeDeadlineSeconds": 5}), true);
        check(json!({"scopes": ["NotTerminating"]}), json!({"activeDeadlineSeconds": 5}), false);
        check(json!({"scopes": ["BestEffort"]}), json!({"containers": [{}]}), true);
        check(json!({"scopes": ["BestEffort", "Terminating"]}), json!({"containers": [{}]}), false);
        let far = json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"namespaces": ["other"]}]}}});
        check(json!({"scopes": ["CrossNamespacePodAffinity"]}), far, true);
    }

    #[test]
    fn a_selector_compares_priority_classes() {
        let by = |operator: &str, values: Value| {
            json!({"scopeSelector": {"matchExpressions": [
                {"scopeName": "PriorityClass", "operator": operator, "values": values}]}})
        };
        let high = json!({"priorityClassName": "high"});
        check(by("In", json!(["high"])), high.clone(), true);
        check(by("NotIn", json!(["high"])), high.clone(), false);
        check(by("Exists", Value::Null), high, true);
        check(by("DoesNotExist", Value::Null), json!({}), true);
    }

    #[test]
    fn a_quota_with_scopes_counts_nothing_but_pods() {
        let quota = json!({"spec": {"scopes": ["NotTerminating"]}});
        assert!(!covers(&quota, crate::resolve("secrets").unwrap(), &json!({})));
    }
}
