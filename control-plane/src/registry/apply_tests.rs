//! Applies under concurrency, behind the store, and in several versions of one kind.

use serde_json::{Value, json};
use xebec_api::Status;

use super::testing::{Behind, Fixture, cx, target};
use super::{Applied, Configuration, Target, WriteOptions};
use crate::cache::{Cache, Limits};

async fn apply(f: &Fixture, target: &Target, manager: &str, config: Value) -> Result<Applied, Status> {
    let mut body = config;
    body["apiVersion"] = json!(target.kind.api_version());
    body["kind"] = json!(target.kind.kind);
    let configuration = Configuration { body, force: false };
    f.registry.apply(&cx(), target, &configuration, &WriteOptions::by(manager)).await
}

fn config_map() -> Target {
    target("configmaps", Some("default"), "c")
}

fn owned(applied: &Applied, manager: &str) -> Value {
    let object = applied.stored.to_value();
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    entries.into_iter().find(|entry| entry["manager"] == manager).map_or(Value::Null, |entry| entry["fieldsV1"].clone())
}

#[tokio::test]
async fn appliers_of_different_fields_all_succeed_at_once() {
    let f = Fixture::new().await;
    let names: Vec<String> = (0..8).map(|n| format!("m{n}")).collect();
    let t = config_map();
    let each = names.iter().map(|name| apply(&f, &t, name, json!({"data": {name.as_str(): "x"}})));
    let done = futures::future::join_all(each).await;
    assert_eq!(done.iter().filter(|one| one.as_ref().unwrap().created).count(), 1, "one of them creates it");
    let object = f.registry.get(&cx(), &t).await.unwrap().to_value();
    assert_eq!(object["data"].as_object().unwrap().len(), 8);
    assert_eq!(object["metadata"]["managedFields"].as_array().unwrap().len(), 8);
}

/// A master that has not heard of the object yet does not make it anew.
#[tokio::test]
async fn a_master_that_is_behind_applies_to_what_is_there() {
    let cache = Cache::new(Limits::default());
    let behind = Behind::new(cache.clone());
    let f = Fixture::observed(cache, behind.clone()).await;
    behind.hold();
    let t = config_map();
    assert!(apply(&f, &t, "one", json!({"data": {"a": "1"}})).await.is_ok_and(|applied| applied.created));
    let second = apply(&f, &t, "two", json!({"data": {"b": "1"}}));
    let (second, ()) = tokio::join!(second, async { behind.catch_up() });
    let second = second.unwrap();
    assert!(!second.created);
    assert_eq!(second.stored.to_value()["data"], json!({"a": "1", "b": "1"}));
}

/// What one version of a kind applied, the other finds; both own the same fields.
#[tokio::test]
async fn versions_of_a_kind_share_ownership() {
    let f = Fixture::new().await;
    let of = |version: &str| {
        let kind = xebec_api::find("autoscaling", version, "horizontalpodautoscalers").unwrap();
        Target::new(kind, Some("default"), "h")
    };
    let spec =
        |most: u32| json!({"spec": {"maxReplicas": most, "scaleTargetRef": {"kind": "Deployment", "name": "d"}}});
    assert!(apply(&f, &of("v1"), "me", spec(3)).await.unwrap().created);
    let changed = apply(&f, &of("v2"), "me", spec(5)).await.unwrap();
    assert_eq!(changed.stored.to_value()["spec"]["maxReplicas"], 5);
    assert_eq!(
        owned(&changed, "me"),
        json!({"f:spec": {"f:maxReplicas": {}, "f:scaleTargetRef": {"f:kind": {}, "f:name": {}}}})
    );
    let refused = apply(&f, &of("v1"), "other", spec(7)).await.unwrap_err();
    assert!(refused.message.ends_with("conflict with \"me\": .spec.maxReplicas"), "{refused}");
}
