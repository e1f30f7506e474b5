//! Gives back to a default role or binding what it must have; what somebody has added stays.

use k8s_openapi::api::rbac::v1::PolicyRule;
use serde_json::{Value, json};
use xebec_api::value::{entries, list};

use super::super::escalation;

/// The annotation by which a cluster keeps its own version of a default.
pub const AUTO_UPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

/// The object as it should be; `None` when nothing is missing, or nothing may be changed.
pub fn reconciled(present: &Value, wanted: &Value) -> Option<Value> {
    let of = |object: &Value| object["metadata"]["annotations"][AUTO_UPDATE].as_str().map(str::to_owned);
    if of(present).as_deref() == Some("false") {
        return None;
    }
    let mut object = present.clone();
    for field in ["labels", "annotations"] {
        for (key, value) in entries(wanted, &format!("/metadata/{field}")) {
            object["metadata"][field][key] = value.clone();
        }
    }
    match wanted["kind"].as_str() {
        Some("ClusterRole" | "Role") => add_rules(&mut object, wanted),
        _ => add_missing(&mut object, wanted, "subjects"),
    }
    (object != *present).then_some(object)
}

/// The rules of a sum are its parts'; only its selectors are looked at.
fn add_rules(role: &mut Value, wanted: &Value) {
    if wanted.get("aggregationRule").is_some() {
        let rule = &mut role["aggregationRule"];
        return add_missing(rule, &wanted["aggregationRule"], "clusterRoleSelectors");
    }
    let read = |rules: &Value| serde_json::from_value::<Vec<PolicyRule>>(rules.clone()).unwrap_or_default();
    let held = read(&role["rules"]);
    let held: Vec<&PolicyRule> = held.iter().collect();
    let is_missing = |rule: &&Value| escalation::missing(&held, &read(&json!([rule]))).is_some();
    let missing: Vec<Value> = list(wanted, "/rules").iter().filter(is_missing).cloned().collect();
    append(role, "rules", missing);
}

fn add_missing(object: &mut Value, wanted: &Value, field: &str) {
    let pointer = format!("/{field}");
    let missing: Vec<Value> =
        list(wanted, &pointer).iter().filter(|item| !list(object, &pointer).contains(item)).cloned().collect();
    append(object, field, missing);
}

fn append(object: &mut Value, field: &str, more: Vec<Value>) {
    if more.is_empty() {
        return;
    }
    let all: Vec<Value> = list(object, &format!("/{field}")).iter().cloned().chain(more).collect();
    object[field] = json!(all);
}

#[cfg(test)]
mod tests {
    use super::super::{binding, role, rule};
    use super::*;

    #[test]
    fn what_is_missing_comes_back_and_what_was_added_stays() {
        let wanted = role("r", &[rule("", &["pods"], &["get", "list"]), rule("apps", &["deployments"], &["get"])]);
        assert_eq!(reconciled(&wanted, &wanted), None);
        let mut present = wanted.clone();
        present["rules"] = json!([rule("", &["pods", "secrets"], &["get", "list", "watch"])]);
        let rules = reconciled(&present, &wanted).unwrap()["rules"].clone();
        assert_eq!(rules, json!([present["rules"][0], wanted["rules"][1]]));
    }

    #[test]
    fn subjects_come_back_too() {
        let wanted = binding("b", "Group", &["a", "b"]);
        let mut present = wanted.clone();
        present["subjects"] = json!([wanted["subjects"][1], {"kind": "User", "name": "jane"}]);
        let subjects = reconciled(&present, &wanted).unwrap()["subjects"].clone();
        assert_eq!(subjects.as_array().unwrap().len(), 3);
    }

    #[test]
    fn a_cluster_may_keep_its_own() {
        let wanted = role("r", &[rule("", &["pods"], &["get"])]);
        let mut present = wanted.clone();
        present["rules"] = json!([]);
        present["metadata"]["annotations"][AUTO_UPDATE] = json!("false");
        assert_eq!(reconciled(&present, &wanted), None);
    }
}
