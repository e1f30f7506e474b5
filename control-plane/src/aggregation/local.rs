//! The APIServices of what masters serve themselves: which there should be, and in what order groups and versions are shown.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use xebec_api::{Catalogue, conditions, value};

/// Says of an APIService that it is made and removed with what it stands for.
pub(super) const MANAGED: &str = "kube-aggregator.kubernetes.io/automanaged";
/// It stands for a kind of a definition: it goes with that.
const WITH_DEFINITION: &str = "true";
/// It stands for built-in kinds.
const BUILT_IN: &str = "onstart";
/// Its own group has no APIService, as in Kubernetes.
const OWN_GROUP: &str = "apiregistration.k8s.io";
/// Definitions come after everything that is built in.
const OF_DEFINITIONS: (i64, i64) = (1_000, 100);

/// Groups in Kubernetes' order: the higher, the earlier.
const GROUPS: [(&str, i64); 20] = [
    ("", 18_000),
    ("apps", 17_800),
    ("events.k8s.io", 17_750),
    ("authentication.k8s.io", 17_700),
    ("authorization.k8s.io", 17_600),
    ("autoscaling", 17_500),
    ("batch", 17_400),
    ("certificates.k8s.io", 17_300),
    ("networking.k8s.io", 17_200),
    ("policy", 17_100),
    ("rbac.authorization.k8s.io", 17_000),
    ("storage.k8s.io", 16_800),
    ("apiextensions.k8s.io", 16_700),
    ("admissionregistration.k8s.io", 16_700),
    ("scheduling.k8s.io", 16_600),
    ("coordination.k8s.io", 16_500),
    ("node.k8s.io", 16_300),
    ("discovery.k8s.io", 16_200),
    ("flowcontrol.apiserver.k8s.io", 16_100),
    ("resource.k8s.io", 15_900),
];

/// How early a group that masters serve is shown.
pub fn group_priority(group: &str) -> i64 {
    if group == OWN_GROUP {
        return 18_000;
    }
    GROUPS.iter().find(|(known, _)| *known == group).map_or(OF_DEFINITIONS.0, |(_, priority)| *priority)
}

/// How early a version that masters serve is shown within its group.
pub fn version_priority(group: &str, version: &str) -> i64 {
    match (group, version) {
        ("", _) => 1,
        ("autoscaling", "v2") => 30,
        _ if group == OWN_GROUP || GROUPS.iter().any(|(known, _)| *known == group) => 15,
        _ => OF_DEFINITIONS.1,
    }
}

/// What is to be done about an APIService.
#[derive(Debug, PartialEq)]
pub(super) enum Act {
    Create(Value),
    /// With the resource version of what is there.
    Update(Value),
    Delete(String),
    /// What the masters serve is always available.
    MarkAvailable(Value),
}

/// From what there is to what there should be. `now` is RFC 3339.
pub(super) fn plan(kinds: &Catalogue, present: &[Value], now: &str) -> Vec<Act> {
    let wanted = wanted(kinds);
    let name = |object: &Value| value::text(object, "/metadata/name").unwrap_or_default().to_owned();
    let names: BTreeSet<String> = present.iter().map(name).collect();
    let absent =
        wanted.iter().filter(|(name, _)| !names.contains(*name)).map(|(_, object)| Act::Create(object.clone()));
    let changes = present.iter().filter_map(|object| change(&wanted, object, &name(object), now));
    absent.chain(changes).collect()
}

fn change(wanted: &BTreeMap<String, Value>, object: &Value, name: &str, now: &str) -> Option<Act> {
    let managed = object["metadata"]["labels"][MANAGED].as_str();
    match (managed, wanted.get(name)) {
        (Some(WITH_DEFINITION), None) => return Some(Act::Delete(name.to_owned())),
        (Some(_), Some(wanted)) if object["spec"] != wanted["spec"] => {
            let mut mended = object.clone();
            mended["spec"] = wanted["spec"].clone();
            return Some(Act::Update(mended));
        }
        _ => {}
    }
    let is_local = object["spec"].get("service").is_none_or(Value::is_null);
    if !is_local || conditions::is_true(object, "Available") {
        return None;
    }
    let mut marked = object.clone();
    marked["status"] = json!({"conditions": [{
        "type": "Available", "status": "True", "reason": "Local",
        "message": "Local APIServices are always available", "lastTransitionTime": now,
    }]});
    Some(Act::MarkAvailable(marked))
}

/// One for each group and version that is served, by name.
fn wanted(kinds: &Catalogue) -> BTreeMap<String, Value> {
    let custom: BTreeSet<(&str, &str)> = kinds.custom().map(|kind| (kind.group, kind.version)).collect();
    let all: BTreeSet<(&str, &str)> = kinds.kinds().map(|kind| (kind.group, kind.version)).collect();
    let built_in = all.difference(&custom).filter(|(group, _)| *group != OWN_GROUP);
    let built_in = built_in.map(|(group, version)| object(group, version, BUILT_IN));
    let custom = custom.iter().map(|(group, version)| object(group, version, WITH_DEFINITION));
    built_in.chain(custom).collect()
}

fn object(group: &str, version: &str, managed: &str) -> (String, Value) {
    let name = format!("{version}.{group}");
    let mut spec = json!({
        "version": version, "groupPriorityMinimum": group_priority(group),
        "versionPriority": version_priority(group, version),
    });
    if !group.is_empty() {
        spec["group"] = json!(group);
    }
    let object = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": name, "labels": {MANAGED: managed}}, "spec": spec,
    });
    (name, object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(versions: &[&str]) -> Value {
        let version = |name: &&str| json!({"name": name, "served": true, "storage": *name == versions[0], "schema": {"openAPIV3Schema": {"type": "object"}}});
        json!({
            "metadata": {"name": "ships.example.com"},
            "spec": {
                "group": "example.com", "scope": "Namespaced", "versions": versions.iter().map(version).collect::<Vec<_>>(),
                "names": {"plural": "ships", "singular": "ship", "kind": "Ship", "listKind": "ShipList"},
            },
            "status": {
                "acceptedNames": {"plural": "ships", "singular": "ship", "kind": "Ship", "listKind": "ShipList"},
                "conditions": [{"type": "Established", "status": "True"}],
            },
        })
    }

    fn created(kinds: &Catalogue) -> Vec<Value> {
        let created = plan(kinds, &[], "now").into_iter().map(|act| match act {
            Act::Create(object) => object,
            other => panic!("{other:?}"),
        });
        created.collect()
    }

    #[test]
    fn every_built_in_group_has_one_and_its_place() {
        let objects = created(&Catalogue::default());
        let find = |name: &str| objects.iter().find(|object| object["metadata"]["name"] == name);
        assert_eq!(
            find("v1.").unwrap()["spec"],
            json!({"version": "v1", "groupPriorityMinimum": 18_000, "versionPriority": 1})
        );
        assert_eq!(find("v2.autoscaling").unwrap()["spec"]["versionPriority"], 30);
        assert!(find("v1.apiregistration.k8s.io").is_none());
        for object in &objects {
            let group = object["spec"]["group"].as_str().unwrap_or_default();
            assert!(GROUPS.iter().any(|(known, _)| *known == group), "{group} has no place");
        }
    }

    #[test]
    fn definitions_bring_theirs_and_take_them_along() {
        let mut kinds = Catalogue::default();
        let without = created(&kinds).len();
        kinds.define(&definition(&["v2", "v1"])).unwrap();
        let mut objects = created(&kinds);
        assert_eq!(objects.len(), without + 2);
        for object in &mut objects {
            object["status"] = json!({"conditions": [{"type": "Available", "status": "True"}]});
        }
        assert_eq!(plan(&kinds, &objects, "now"), []);
        kinds.define(&definition(&["v2"])).unwrap();
        assert_eq!(plan(&kinds, &objects, "now"), [Act::Delete("v1.example.com".to_owned())]);
    }

    #[test]
    fn what_is_served_here_is_available_and_nobody_moves_it() {
        let kinds = Catalogue::default();
        let mut objects = created(&kinds);
        let marked = plan(&kinds, &objects, "now");
        assert_eq!(marked.len(), objects.len());
        assert!(
            marked
                .iter()
                .all(|act| matches!(act, Act::MarkAvailable(object) if conditions::is_true(object, "Available")))
        );
        objects.truncate(1);
        objects[0]["spec"]["groupPriorityMinimum"] = json!(1);
        let acts = plan(&kinds, &objects, "now");
        assert!(
            acts.iter().any(|act| matches!(act, Act::Update(object) if object["spec"]["groupPriorityMinimum"] != 1))
        );
    }

    #[test]
    fn somebodys_own_is_left_alone() {
        let own = json!({
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "service": {"name": "a", "namespace": "b"}},
        });
        let acts = plan(&Catalogue::default(), &[own], "now");
        assert!(acts.iter().all(|act| matches!(act, Act::Create(_))));
    }
}
