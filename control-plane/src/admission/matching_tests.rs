//! Rules and selectors, as tables: what they say, what is asked, and whether it is meant.

use serde_json::{Value, json};
use xebec_api::Catalogue;

use super::Operation;
use super::matching::{Criteria, Subject};

/// A request, in words: `CREATE apps/v1/deployments/scale web/x`. `core` is the core group; cluster-scoped objects have no slash.
fn ask(criteria: &Criteria, request: &str, object: Option<Value>, old: Option<Value>) -> Option<String> {
    let words: Vec<&str> = request.split(' ').collect();
    let operation = match words[0] {
        "CREATE" => Operation::Create,
        "UPDATE" => Operation::Update,
        "DELETE" => Operation::Delete,
        other => panic!("{other} is no operation of these tables"),
    };
    let path: Vec<&str> = words[1].split('/').collect();
    let group = if path[0] == "core" { "" } else { path[0] };
    let (namespace, name) = match words[2].split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, words[2]),
    };
    let subject = Subject {
        operation,
        kind: xebec_api::find(group, path[1], path[2]).expect("a kind of the table"),
        subresource: path.get(3).copied().unwrap_or_default(),
        namespace,
        name,
        object: object.as_ref(),
        old: old.as_ref(),
        namespaces: &|namespace| [("team".to_owned(), namespace.to_owned())].into(),
        catalogue: &Catalogue::default(),
    };
    criteria.matches(&subject).map(xebec_api::Kind::api_version)
}

fn rule(operations: &str, group: &str, version: &str, resource: &str, scope: &str) -> Value {
    json!({
        "operations": operations.split(',').collect::<Vec<_>>(), "apiGroups": [group], "apiVersions": [version],
        "resources": resource.split(',').collect::<Vec<_>>(), "scope": scope,
    })
}

#[test]
fn a_rule_means_its_operations_groups_versions_resources_and_scope() {
    let pod = ("CREATE", "", "v1", "pods", "*");
    let table = [
        (pod, "CREATE core/v1/pods web/x", true),
        (pod, "UPDATE core/v1/pods web/x", false),
        (pod, "CREATE core/v1/pods/binding web/x", false),
        (pod, "CREATE core/v1/services web/x", false),
        (("CREATE,UPDATE", "", "v1", "pods", "*"), "UPDATE core/v1/pods web/x", true),
        (("*", "*", "*", "*", "*"), "DELETE apps/v1/deployments web/x", true),
        (("*", "*", "*", "*", "*"), "UPDATE apps/v1/deployments/scale web/x", false),
        (("*", "*", "*", "*/*", "*"), "UPDATE apps/v1/deployments/scale web/x", true),
        (("*", "*", "*", "*/*", "*"), "UPDATE apps/v1/deployments web/x", true),
        (("*", "", "v1", "pods/*", "*"), "UPDATE core/v1/pods web/x", true),
        (("*", "", "v1", "pods/*", "*"), "UPDATE core/v1/pods/status web/x", true),
        (("*", "", "v1", "pods/*", "*"), "UPDATE core/v1/nodes/status x", false),
        (("*", "*", "*", "*/scale", "*"), "UPDATE apps/v1/deployments/scale web/x", true),
        (("*", "*", "*", "*/scale", "*"), "UPDATE apps/v1/deployments web/x", false),
        (("*", "*", "*", "pods,services", "*"), "CREATE core/v1/services web/x", true),
        (("*", "apps", "*", "*", "*"), "CREATE core/v1/services web/x", false),
        (("*", "*", "*", "*", "Namespaced"), "CREATE core/v1/pods web/x", true),
        (("*", "*", "*", "*", "Namespaced"), "CREATE core/v1/nodes x", false),
        (("*", "*", "*", "*", "Namespaced"), "CREATE core/v1/namespaces x", false),
        (("*", "*", "*", "*", "Cluster"), "CREATE core/v1/namespaces x", true),
        (("*", "*", "*", "*", "Cluster"), "CREATE core/v1/pods web/x", false),
    ];
    for ((operations, group, version, resource, scope), request, meant) in table {
        let rule = rule(operations, group, version, resource, scope);
        let criteria = Criteria::of_webhook(&json!({"rules": [rule]})).unwrap();
        assert_eq!(ask(&criteria, request, None, None).is_some(), meant, "{rule} and {request}");
    }
}

#[test]
fn another_version_of_the_same_objects_is_meant_unless_the_policy_is_exact() {
    let only_v1 = |policy: &str| {
        let webhook =
            json!({"rules": [rule("*", "autoscaling", "v1", "horizontalpodautoscalers", "*")], "matchPolicy": policy});
        Criteria::of_webhook(&webhook).unwrap()
    };
    let newer = "CREATE autoscaling/v2/horizontalpodautoscalers web/x";
    assert_eq!(ask(&only_v1("Equivalent"), newer, None, None).as_deref(), Some("autoscaling/v1"));
    assert_eq!(ask(&only_v1("Exact"), newer, None, None), None);
    let both = json!({"rules": [rule("*", "*", "*", "horizontalpodautoscalers", "*")]});
    assert_eq!(ask(&Criteria::of_webhook(&both).unwrap(), newer, None, None).as_deref(), Some("autoscaling/v2"));
    let events = json!({"rules": [rule("*", "events.k8s.io", "*", "events", "*")]});
    let criteria = Criteria::of_webhook(&events).unwrap();
    assert_eq!(ask(&criteria, "CREATE core/v1/events web/x", None, None).as_deref(), Some("events.k8s.io/v1"));
}

fn labelled(name: &str, team: &str) -> Option<Value> {
    Some(json!({"metadata": {"name": name, "labels": {"team": team}}}))
}

#[test]
fn the_namespace_selector_is_about_the_labels_of_the_namespace() {
    let rule = rule("*", "*", "*", "*/*", "*");
    let webhook = json!({"rules": [rule], "namespaceSelector": {"matchLabels": {"team": "web"}}});
    let criteria = Criteria::of_webhook(&webhook).unwrap();
    let meant = |request, object, old| ask(&criteria, request, object, old).is_some();
    assert!(meant("CREATE core/v1/pods web/x", None, None));
    assert!(!meant("CREATE core/v1/pods shop/x", None, None));
    assert!(meant("CREATE core/v1/nodes x", labelled("x", "shop"), None), "what is in no namespace is never exempt");
    assert!(meant("CREATE core/v1/namespaces x", labelled("x", "web"), None), "a namespace by its own labels");
    assert!(!meant("UPDATE core/v1/namespaces x", labelled("x", "shop"), labelled("x", "web")), "as they will be");
    assert!(meant("DELETE core/v1/namespaces x", None, labelled("x", "web")), "or as they were");
}

#[test]
fn the_object_selector_is_about_the_old_and_the_new_object() {
    let webhook =
        json!({"rules": [rule("*", "*", "*", "*/*", "*")], "objectSelector": {"matchLabels": {"team": "web"}}});
    let criteria = Criteria::of_webhook(&webhook).unwrap();
    let meant = |request, object, old| ask(&criteria, request, object, old).is_some();
    assert!(meant("CREATE core/v1/pods a/x", labelled("x", "web"), None));
    assert!(!meant("CREATE core/v1/pods a/x", labelled("x", "shop"), None));
    assert!(meant("UPDATE core/v1/pods a/x", labelled("x", "shop"), labelled("x", "web")));
    assert!(meant("DELETE core/v1/pods a/x", None, labelled("x", "web")));
    assert!(!meant("CREATE core/v1/pods/exec a/x", Some(json!({"command": ["ls"]})), None), "options have no labels");
}

#[test]
fn a_policy_names_objects_leaves_some_out_and_without_rules_means_all() {
    let everything = Criteria::of_policy(&json!({})).unwrap();
    assert!(ask(&everything, "DELETE core/v1/pods/eviction a/x", None, None).is_some());
    let mut named = rule("*", "", "v1", "configmaps", "*");
    named["resourceNames"] = json!(["settings"]);
    let policy = json!({"resourceRules": [rule("*", "", "v1", "*", "*")], "excludeResourceRules": [named]});
    let criteria = Criteria::of_policy(&policy).unwrap();
    assert!(ask(&criteria, "UPDATE core/v1/configmaps a/x", None, None).is_some());
    assert!(ask(&criteria, "UPDATE core/v1/configmaps a/settings", None, None).is_none());
    assert!(ask(&Criteria::of_webhook(&json!({})).unwrap(), "CREATE core/v1/pods a/x", None, None).is_none());
}
