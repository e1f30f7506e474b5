//! Nobody gives away what they do not hold: whether a set of rules covers another.

use k8s_openapi::api::rbac::v1::PolicyRule;

use super::Attributes;
use super::rules::covers;
use crate::authn::User;

/// The first permission among `wanted` that `held` does not cover, in words. Each verb, group, resource and name is looked at
/// by itself, so that rules which are cut differently are compared fairly.
pub fn missing(held: &[&PolicyRule], wanted: &[PolicyRule]) -> Option<String> {
    let nobody = User::new("", []);
    wanted.iter().find_map(|rule| missing_of_rule(held, rule, &nobody))
}

fn missing_of_rule(held: &[&PolicyRule], rule: &PolicyRule, nobody: &User) -> Option<String> {
    rule.verbs.iter().find_map(|verb| {
        let blank = Attributes::blank(nobody, verb);
        missing_path(held, rule, blank).or_else(|| missing_resource(held, rule, blank))
    })
}

fn missing_path(held: &[&PolicyRule], rule: &PolicyRule, blank: Attributes<'_>) -> Option<String> {
    let path = rule.non_resource_urls.iter().flatten().find(|path| {
        let question = Attributes { path: Some(path), ..blank };
        !held.iter().any(|held| covers(held, &question))
    })?;
    Some(format!("{} {path}", blank.verb))
}

fn missing_resource(held: &[&PolicyRule], rule: &PolicyRule, blank: Attributes<'_>) -> Option<String> {
    let names: Vec<Option<&str>> = match rule.resource_names.as_deref() {
        None | Some([]) => vec![None],
        Some(names) => names.iter().map(|name| Some(name.as_str())).collect(),
    };
    for group in rule.api_groups.iter().flatten() {
        for full in rule.resources.iter().flatten() {
            let (resource, subresource) = full.split_once('/').unwrap_or((full, ""));
            let question = Attributes { group, resource, subresource, ..blank };
            let is_held = |name| held.iter().any(|held| covers(held, &Attributes { name, ..question }));
            if names.iter().any(|name| !is_held(*name)) {
                return Some(format!("{} {full} in group \"{group}\"", blank.verb));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(held: Value, wanted: Value, expect: Option<&str>) {
        let held: Vec<PolicyRule> = serde_json::from_value(held).unwrap();
        let wanted: Vec<PolicyRule> = serde_json::from_value(wanted).unwrap();
        assert_eq!(missing(&held.iter().collect::<Vec<_>>(), &wanted).as_deref(), expect);
    }

    fn pods(verbs: &[&str]) -> Value {
        json!([{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}])
    }

    #[test]
    fn rules_cut_differently_cover_each_other() {
        let held = json!([
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        ]);
        check(held, pods(&["get", "list"]), None);
        check(pods(&["get", "list"]), json!([]), None);
    }

    #[test]
    fn what_is_not_held_is_named() {
        check(pods(&["get"]), pods(&["get", "delete"]), Some("delete pods in group \"\""));
        check(pods(&["get"]), pods(&["*"]), Some("* pods in group \"\""));
        check(json!([]), json!([{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]), Some("get /metrics"));
    }

    #[test]
    fn names_narrow_and_stars_widen() {
        let named = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["a"]}]);
        check(pods(&["get"]), named.clone(), None);
        check(named, pods(&["get"]), Some("get pods in group \"\""));
        let all = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
        check(all.clone(), all, None);
        let scale = json!([{"apiGroups": ["apps"], "resources": ["*/scale"], "verbs": ["patch"]}]);
        check(
            scale.clone(),
            json!([{"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["patch"]}]),
            None,
        );
        check(
            json!([{"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["patch"]}]),
            scale,
            Some("patch */scale in group \"apps\""),
        );
    }
}
