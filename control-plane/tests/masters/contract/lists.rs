//! Lists: selectors, pages, freshness.

use serde_json::{Value, json};

use super::ask::*;

fn labelled(name: &str, labels: Value) -> Case {
    create(SECRETS, json!({"metadata": {"name": name, "labels": labels}})).works()
}

/// The n-th item is that one.
fn selects(selector: &str, names: &[&'static str]) -> Case {
    const AT: [&str; 4] =
        ["/items/0/metadata/name", "/items/1/metadata/name", "/items/2/metadata/name", "/items/3/metadata/name"];
    let case = list(SECRETS).with("labelSelector", selector).works();
    AT.iter().enumerate().fold(case, |case, (index, pointer)| match names.get(index) {
        Some(name) => case.at(pointer, *name),
        None => case.at(pointer, Value::Null),
    })
}

/// Lists that work.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        labelled("l1", json!({"tier": "web", "env": "prod", "n": "1"})),
        labelled("l2", json!({"tier": "web", "env": "test", "n": "5"})),
        labelled("l3", json!({"tier": "db", "env": "prod"})),
        selects("tier=web", &["l1", "l2"]),
        selects("tier==web,env!=test", &["l1"]),
        selects("tier in (web,db),env=prod", &["l1", "l3"]),
        selects("tier,tier notin (db)", &["l1", "l2"]),
        selects("tier,!n", &["l3"]),
        selects("n>3", &["l2"]),
        selects("n<3", &["l1"]),
        selects("tier=nothing", &[]),
        selects(" tier in ( web ) ", &["l1", "l2"]),
    ];
    let name = |selector: &str| list(SECRETS).with("fieldSelector", selector).works();
    cases.extend([
        name("metadata.name=l2").at("/items/0/metadata/name", "l2").at("/items/1", Value::Null),
        name("metadata.name=l2,metadata.namespace={ns}").at("/items/1", Value::Null),
        name("metadata.name=l2,metadata.name!=l2").at("/items", json!([])),
        name("type=Opaque,metadata.name=l1").at("/items/0/metadata/name", "l1"),
        list(SECRETS)
            .with("labelSelector", "tier=web")
            .with("fieldSelector", "metadata.name!=l1")
            .works()
            .at("/items/0/metadata/name", "l2"),
        list(PODS).with("fieldSelector", "spec.nodeName=,status.phase!=Failed,status.phase!=Succeeded").works(),
        list(NODES).with("fieldSelector", "metadata.name=none").works().at("/items", json!([])),
        list(SECRETS).with("limit", "1").works().at("/items/1", Value::Null),
        list(SECRETS).with("resourceVersion", "0").works(),
        list(SECRETS).namespace("nowhere").works().at("/items", json!([])),
        list(SECRETS).namespace("").with("labelSelector", "n=5").works().at("/items/0/metadata/name", "l2"),
    ]);
    cases
}

/// Lists that are refused.
pub(super) fn refusals() -> Vec<Case> {
    let labels =
        ["=x", "a=b=c", "a in", "a in (", "a in (b", "a in b", "!!a", "a,,b", "a notin ()x", "(a)", "-a=b", "a=b c"];
    let labels = labels.map(|selector| list(SECRETS).with("labelSelector", selector).refused(400, "BadRequest"));
    let fields = ["spec.color=red", "metadata.name", "metadata.name=a=b", "=x", "metadata.uid=x"];
    let fields = fields.map(|selector| list(SECRETS).with("fieldSelector", selector).refused(400, "BadRequest"));
    let both = [("resourceVersion", "7"), ("resourceVersionMatch", "Exact"), ("continue", "eyJ9")];
    let query =
        |pairs: &[(&'static str, &str)]| pairs.iter().fold(list(SECRETS), |ask, (key, value)| ask.with(key, value));
    labels
        .into_iter()
        .chain(fields)
        .chain([
            query(&[("continue", "nonsense")]).refused(400, "BadRequest"),
            query(&[("continue", "e30")]).refused(400, "BadRequest"),
            query(&[("resourceVersionMatch", "Exact")]).refused(422, "Invalid").field("resourceVersionMatch"),
            query(&[("resourceVersionMatch", "Exact"), ("resourceVersion", "0")]).refused(422, "Invalid"),
            query(&[("resourceVersionMatch", "Newest"), ("resourceVersion", "5")]).refused(422, "Invalid"),
            query(&both).refused(422, "Invalid"),
            query(&[("continue", "eyJ9"), ("resourceVersion", "7")]).refused(400, "BadRequest"),
            query(&[("sendInitialEvents", "true")]).refused(422, "Invalid").field("sendInitialEvents"),
        ])
        .collect()
}

/// Many at once, by what selects them.
pub(super) fn deletes() -> Vec<Case> {
    let many = |selector: &str| ask(Verb::DeleteCollection, SECRETS, "").with("labelSelector", selector);
    vec![
        many("!!").refused(400, "BadRequest"),
        many("n").with("dryRun", "All").works().at("/kind", "SecretList"),
        selects("tier", &["l1", "l2", "l3"]),
        many("n").works().at("/items/0/metadata/name", "l1").at("/items/1/metadata/name", "l2"),
        many("n").works().at("/items", json!([])),
        many("tier").with("fieldSelector", "metadata.name=l3").with("propagationPolicy", "Background").works(),
    ]
}
