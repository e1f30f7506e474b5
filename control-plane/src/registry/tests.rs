//! The verbs, told as stories over the pure state machine.

use serde_json::{Value, json};
use xebec_api::{Reason, Status, Subresource};
use xebec_kv::Body;

use super::testing::{Behind, Fixture, cx, cx_of, kind, target};
use super::*;

fn pod_body() -> Value {
    json!({"spec": {"containers": [{"name": "app", "image": "shop:1"}]}})
}

fn deployment_body() -> Value {
    json!({"spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "app", "image": "shop:1"}]}},
    }})
}

fn service_body(ports: Value) -> Value {
    json!({"spec": {"selector": {"app": "shop"}, "ports": ports}})
}

fn refused(result: Result<Stored, Status>) -> Status {
    result.map(|stored| panic!("{stored:?} should have been refused")).unwrap_err()
}

#[tokio::test]
async fn what_is_created_can_be_read_listed_changed_and_deleted() {
    let f = Fixture::new().await;
    let t = target("configmaps", Some("default"), "a");
    let created = f.config_map("a", "one").await.unwrap();
    assert!(!created.object.meta().uid.is_empty());
    assert_eq!(created.object.meta().creation_timestamp.as_deref(), Some("2030-01-01T00:00:00Z"));
    assert_eq!(f.registry.get(&cx(), &t).await.unwrap().revision, created.revision);

    let mut body = created.to_value();
    body["data"]["text"] = json!("two");
    let updated = f.update(&t, body.clone()).await.unwrap();
    assert!(updated.revision > created.revision);
    assert_eq!(refused(f.update(&t, body).await).reason, Reason::Conflict);

    let listing = f.registry.list(&cx(), &Scope::all(t.kind), &ListOptions::default()).await.unwrap();
    assert_eq!(listing.items.len(), 1);
    assert_eq!(listing.revision, updated.revision);

    let deleted = f.registry.delete(&cx(), &t, &DeleteOptions::default()).await.unwrap();
    assert!(matches!(deleted, Deleted::Removed(_)));
    assert_eq!(refused(f.registry.get(&cx(), &t).await).reason, Reason::NotFound);
}

#[tokio::test]
async fn an_update_that_changes_nothing_writes_nothing() {
    let f = Fixture::new().await;
    let created = f.config_map("a", "one").await.unwrap();
    let same = f.update(&target("configmaps", Some("default"), "a"), json!({"data": {"text": "one"}})).await.unwrap();
    assert_eq!(same.revision, created.revision);
}

/// On a master that is behind, an update back to what it still sees is a change all the same.
#[tokio::test]
async fn that_nothing_changes_is_judged_by_the_newest_state() {
    let cache = Cache::new(crate::cache::Limits::default());
    let behind = Behind::new(cache.clone());
    let f = Fixture::observed(cache, behind.clone()).await;
    let t = target("configmaps", Some("default"), "a");
    f.config_map("a", "one").await.unwrap();
    behind.hold();
    let second = f.update(&t, json!({"data": {"text": "two"}})).await.unwrap();
    let back = f.update(&t, json!({"data": {"text": "one"}}));
    let (back, ()) = tokio::join!(back, async { behind.catch_up() });
    assert!(back.unwrap().revision > second.revision);
    assert_eq!(f.registry.get(&cx(), &t).await.unwrap().to_value()["data"]["text"], "one");
}

/// Who is content with what this master has does not wait; who has seen more elsewhere is not shown less.
#[tokio::test]
async fn a_get_is_as_fresh_as_asked_for() {
    let cache = Cache::new(crate::cache::Limits::default());
    let behind = Behind::new(cache.clone());
    let f = Fixture::observed(cache, behind.clone()).await;
    let t = target("configmaps", Some("default"), "a");
    let first = f.config_map("a", "one").await.unwrap();
    behind.hold();
    let second = f.update(&t, json!({"data": {"text": "two"}})).await.unwrap();
    let get = async |freshness| f.registry.get_fresh(&cx(), &t, freshness).await;
    assert_eq!(get(Freshness::Any).await.unwrap().revision, first.revision);
    assert_eq!(get(Freshness::NotOlderThan(first.revision)).await.unwrap().revision, first.revision);
    let (newer, ()) = tokio::join!(get(Freshness::NotOlderThan(second.revision)), async { behind.catch_up() });
    assert_eq!(newer.unwrap().revision, second.revision);
}

/// Whoever may read any `status` reads no Secret by it.
#[tokio::test]
async fn what_a_kind_does_not_have_cannot_be_read() {
    let f = Fixture::new().await;
    f.create(&target("secrets", Some("default"), "s"), json!({})).await.unwrap();
    let status = target("secrets", Some("default"), "s").subresource(Subresource::Status);
    assert_eq!(refused(f.registry.get(&cx(), &status).await).code, 404);
}

#[tokio::test]
async fn a_watch_may_be_asked_to_last_for_ever() {
    let f = Fixture::new().await;
    let options = WatchOptions { timeout: Some(Duration::MAX), ..WatchOptions::default() };
    assert!(f.registry.watch(&cx(), &Scope::all(kind("configmaps")), &options).await.is_ok());
}

#[tokio::test]
async fn every_refusal_names_code_reason_and_field_and_stores_nothing() {
    let f = Fixture::new().await;
    f.config_map("there", "x").await.unwrap();
    let before = f.cache.revision();
    let unknown_field = json!({"spec": {"containers": [{"name": "app", "image": "i", "immage": "x"}]}});
    let wrong_type = json!({"spec": {"containers": "none"}});
    let mismatch = json!({"kind": "Secret"});
    let cases = [
        ("configmaps", "Not_A_Label", json!({}), 422, Reason::Invalid, "metadata.name"),
        ("configmaps", "", json!({}), 422, Reason::Invalid, "metadata.name"),
        ("configmaps", "there", json!({}), 409, Reason::AlreadyExists, ""),
        ("configmaps", "a", mismatch, 400, Reason::BadRequest, ""),
        ("configmaps", "a", json!([]), 400, Reason::BadRequest, ""),
        ("configmaps", "a", json!({"metadata": {"resourceVersion": "4"}}), 400, Reason::BadRequest, ""),
        ("configmaps", "a", json!({"metadata": {"namespace": "other"}}), 400, Reason::BadRequest, ""),
        ("pods", "a", json!({"spec": {}}), 422, Reason::Invalid, "spec.containers"),
        ("pods", "a", unknown_field, 400, Reason::BadRequest, ""),
        ("pods", "a", wrong_type, 400, Reason::BadRequest, ""),
    ];
    for (plural, name, body, code, reason, field) in cases {
        let status = refused(f.create(&target(plural, Some("default"), name), body).await);
        assert_eq!((status.code, status.reason), (code, reason), "{plural} {name}: {status}");
        if !field.is_empty() {
            let causes = &status.details.as_ref().unwrap().causes;
            assert!(causes.iter().any(|cause| cause.field == field), "{causes:?}");
        }
    }
    assert_eq!(
        refused(f.create(&target("configmaps", Some("nowhere"), "a"), json!({})).await).reason,
        Reason::NotFound
    );
    assert_eq!(f.cache.revision(), before);
}

#[tokio::test]
async fn who_may_not_is_told_what() {
    let f = Fixture::new().await;
    let status = refused(f.registry.get(&cx_of("nobody"), &target("configmaps", Some("default"), "a")).await);
    assert_eq!(status.code, 403);
    assert!(status.message.contains(r#"User "nobody" cannot get resource "configmaps""#), "{status}");
}

#[tokio::test]
async fn unknown_fields_are_dropped_where_the_caller_does_not_mind() {
    let f = Fixture::new().await;
    let options = WriteOptions { field_validation: FieldValidation::Warn, ..WriteOptions::default() };
    let body = json!({"data": {"a": "b"}, "dta": {}, "immutable": null});
    let stored = f.registry.create(&cx(), &target("configmaps", Some("default"), "a"), body, &options).await.unwrap();
    let value = stored.to_value();
    assert!(value.get("dta").is_none() && value.get("immutable").is_none(), "{value}");
}

#[tokio::test]
async fn names_are_generated_until_one_is_free() {
    let f = Fixture::new().await;
    let body = json!({"metadata": {"generateName": "web-"}});
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let stored = f.create(&target("configmaps", Some("default"), ""), body.clone()).await.unwrap();
        assert!(stored.object.meta().name.starts_with("web-"));
        names.insert(stored.object.meta().name.clone());
    }
    assert_eq!(names.len(), 20);
}

#[tokio::test]
async fn a_dry_run_answers_and_stores_nothing() {
    let f = Fixture::new().await;
    let before = f.cache.revision();
    let options = WriteOptions { dry_run: true, ..WriteOptions::default() };
    let t = target("configmaps", Some("default"), "a");
    f.registry.create(&cx(), &t, json!({}), &options).await.unwrap();
    f.config_map("a", "x").await.unwrap();
    assert_eq!(refused(f.registry.create(&cx(), &t, json!({}), &options).await).reason, Reason::AlreadyExists);
    f.registry.update(&cx(), &t, json!({"data": {"text": "y"}}), &options).await.unwrap();
    f.registry.delete(&cx(), &t, &DeleteOptions { dry_run: true, ..DeleteOptions::default() }).await.unwrap();
    assert_eq!(f.cache.revision(), before + 1);
}

#[tokio::test]
async fn patches_of_different_parts_never_conflict() {
    let f = Fixture::new().await;
    f.config_map("a", "x").await.unwrap();
    let t = target("configmaps", Some("default"), "a");
    let patch = |i: usize| Patch { kind: PatchKind::Merge, body: json!({"data": {format!("k{i}"): "v"}}) };
    let patches: Vec<Patch> = (0..8).map(patch).collect();
    let (context, options) = (cx(), WriteOptions::default());
    let results =
        futures::future::join_all(patches.iter().map(|patch| f.registry.patch(&context, &t, patch, &options))).await;
    assert!(results.iter().all(Result::is_ok));
    let value = f.registry.get(&cx(), &t).await.unwrap().to_value();
    assert_eq!(value["data"].as_object().unwrap().len(), 9);
}

#[tokio::test]
async fn a_patch_may_demand_a_version() {
    let f = Fixture::new().await;
    f.config_map("a", "x").await.unwrap();
    let t = target("configmaps", Some("default"), "a");
    let patch =
        Patch { kind: PatchKind::Merge, body: json!({"metadata": {"resourceVersion": "1"}, "data": {"k": "v"}}) };
    assert_eq!(refused(f.registry.patch(&cx(), &t, &patch, &WriteOptions::default()).await).reason, Reason::Conflict);
}

#[tokio::test]
async fn the_status_is_written_apart() {
    let f = Fixture::new().await;
    let t = target("deployments", Some("default"), "shop");
    let created = f.create(&t, deployment_body()).await.unwrap();
    let mut body = created.to_value();
    body["status"] = json!({"replicas": 2});
    body["spec"]["replicas"] = json!(9);
    let stored = f.update(&t.clone().subresource(Subresource::Status), body).await.unwrap().to_value();
    assert_eq!(stored["status"]["replicas"], 2);
    assert_eq!(stored["spec"]["replicas"], 2);
    assert_eq!(stored["metadata"]["generation"], 1);
    let scale = Patch { kind: PatchKind::Merge, body: json!({"spec": {"replicas": 5}}) };
    let scaled = f
        .registry
        .patch(&cx(), &t.clone().subresource(Subresource::Scale), &scale, &WriteOptions::default())
        .await
        .unwrap()
        .to_value();
    assert_eq!((&scaled["kind"], &scaled["spec"]["replicas"]), (&json!("Scale"), &json!(5)));
    let whole = f.registry.get(&cx(), &t).await.unwrap().to_value();
    assert_eq!(whole["metadata"]["generation"], 2);
    assert_eq!(whole["status"]["replicas"], 2);
    assert_eq!(
        refused(f.update(&target("configmaps", Some("default"), "x").subresource(Subresource::Scale), json!({})).await)
            .code,
        404
    );
}

#[tokio::test]
async fn a_pod_is_bound_once_and_ends_gracefully() {
    let f = Fixture::new().await;
    let t = target("pods", Some("default"), "p");
    let pod = f.create(&t, pod_body()).await.unwrap().to_value();
    assert_eq!(pod["spec"]["serviceAccountName"], "default");
    let binding = json!({"target": {"kind": "Node", "name": "n1"}});
    let bind = t.clone().subresource(Subresource::Binding);
    f.create(&bind, binding.clone()).await.unwrap();
    let again = refused(f.create(&bind, binding).await);
    assert_eq!(again.reason, Reason::Conflict);
    let bound = f.registry.get(&cx(), &t).await.unwrap().to_value();
    assert!(xebec_api::conditions::is_true(&bound, "PodScheduled"), "{bound}");
    assert_eq!(f.cache.pods_on_node("n1").len(), 1);

    let terminating = f.registry.delete(&cx(), &t, &DeleteOptions::default()).await.unwrap();
    assert!(matches!(terminating, Deleted::Terminating(_)));
    let meta = terminating.stored().object.meta().clone();
    let options = DeleteOptions {
        grace_period_seconds: Some(0),
        preconditions: Preconditions { uid: Some("another".into()), resource_version: None },
        ..DeleteOptions::default()
    };
    assert_eq!(f.registry.delete(&cx(), &t, &options).await.unwrap_err().reason, Reason::Conflict);
    let options =
        DeleteOptions { preconditions: Preconditions { uid: Some(meta.uid), resource_version: None }, ..options };
    assert!(matches!(f.registry.delete(&cx(), &t, &options).await.unwrap(), Deleted::Removed(_)));
    assert_eq!(f.cache.pods_on_node("n1").len(), 0);
}

#[tokio::test]
async fn the_last_finalizer_takes_the_object_with_it() {
    let f = Fixture::new().await;
    let t = target("configmaps", Some("default"), "a");
    f.create(&t, json!({"metadata": {"finalizers": ["example.com/wait"]}})).await.unwrap();
    assert!(matches!(f.registry.delete(&cx(), &t, &DeleteOptions::default()).await.unwrap(), Deleted::Terminating(_)));
    let patch = Patch { kind: PatchKind::Merge, body: json!({"metadata": {"finalizers": null}}) };
    f.registry.patch(&cx(), &t, &patch, &WriteOptions::default()).await.unwrap();
    assert_eq!(refused(f.registry.get(&cx(), &t).await).code, 404);
}

#[tokio::test]
async fn nothing_new_comes_into_a_namespace_that_goes() {
    let f = Fixture::new().await;
    let ns = target("namespaces", None, "shop");
    f.create(&ns, json!({"metadata": {"finalizers": ["example.com/wait"]}})).await.unwrap();
    f.create(&target("configmaps", Some("shop"), "a"), json!({})).await.unwrap();
    f.registry.delete(&cx(), &ns, &DeleteOptions::default()).await.unwrap();
    let status = refused(f.create(&target("configmaps", Some("shop"), "b"), json!({})).await);
    assert_eq!(status.code, 403);
    assert_eq!(status.details.unwrap().causes[0].reason, "NamespaceTerminating");
    let immortal = f.registry.delete(&cx(), &target("namespaces", None, "default"), &DeleteOptions::default()).await;
    assert_eq!(immortal.unwrap_err().code, 403);
}

#[tokio::test]
async fn a_namespace_goes_once_its_contents_are_said_to_be_gone() {
    let f = Fixture::new().await;
    let ns = target("namespaces", None, "shop");
    f.create(&ns, json!({})).await.unwrap();
    let going = f.registry.delete(&cx(), &ns, &DeleteOptions::default()).await.unwrap();
    assert_eq!(going.stored().to_value()["status"]["phase"], "Terminating");
    let done = Patch { kind: PatchKind::Merge, body: json!({"spec": {"finalizers": []}}) };
    f.registry.patch(&cx(), &ns, &done, &WriteOptions::default()).await.unwrap();
    assert_eq!(refused(f.registry.get(&cx(), &ns).await).code, 404);
}

#[tokio::test]
async fn services_get_addresses_that_nobody_else_has() {
    let f = Fixture::new().await;
    let mut addresses = std::collections::BTreeSet::new();
    for i in 0..5 {
        let t = target("services", Some("default"), &format!("s{i}"));
        let service = f.create(&t, service_body(json!([{"port": 80}]))).await.unwrap().to_value();
        addresses.insert(service["spec"]["clusterIP"].as_str().unwrap().to_owned());
    }
    assert_eq!(addresses.len(), 5);
    let taken = addresses.first().unwrap();
    let mut body = service_body(json!([{"port": 80}]));
    body["spec"]["clusterIP"] = json!(taken);
    let t = target("services", Some("default"), "late");
    let status = refused(f.create(&t, body.clone()).await);
    assert_eq!((status.code, status.details.unwrap().causes[0].field.as_str()), (422, "spec.clusterIPs"));
    for i in 0..5 {
        f.registry
            .delete(&cx(), &target("services", Some("default"), &format!("s{i}")), &DeleteOptions::default())
            .await
            .unwrap();
    }
    f.create(&t, body.clone()).await.unwrap();
    body["spec"]["clusterIP"] = json!("192.0.2.1");
    assert_eq!(refused(f.create(&target("services", Some("default"), "out"), body).await).code, 422);
}

#[tokio::test]
async fn two_nodes_never_have_the_same_range() {
    let f = Fixture::new().await;
    let node = |name: &str| target("nodes", None, name);
    let range = json!({"spec": {"podCIDR": "10.42.7.0/24", "podCIDRs": ["10.42.7.0/24"]}});
    for name in ["n1", "n2"] {
        f.create(&node(name), json!({})).await.unwrap();
    }
    let give = async |name: &str| {
        let patch = Patch { kind: PatchKind::Merge, body: range.clone() };
        f.registry.patch(&cx(), &node(name), &patch, &WriteOptions::default()).await
    };
    give("n1").await.unwrap();
    give("n1").await.unwrap();
    assert_eq!(refused(give("n2").await).reason, Reason::Conflict);
    f.registry.delete(&cx(), &node("n1"), &DeleteOptions::default()).await.unwrap();
    give("n2").await.unwrap();
}

#[tokio::test]
async fn reviews_are_answered_and_not_kept() {
    let f = Fixture::new().await;
    let review = target("selfsubjectaccessreviews", None, "");
    let before = f.cache.revision();
    let pods = json!({"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}});
    let answered = f.create(&review, json!({"spec": pods.clone()})).await.unwrap();
    assert_eq!(answered.object.to_value()["status"], json!({"allowed": true}));
    assert!(!String::from_utf8_lossy(&answered.to_json()).contains("resourceVersion"));
    assert_eq!(refused(f.create(&review, json!({"spec": {}})).await).reason, Reason::Invalid);
    let local = target("localsubjectaccessreviews", Some("default"), "");
    let of = |user: &str| json!({"spec": {"user": user, "resourceAttributes": pods["resourceAttributes"]}});
    for (user, allowed) in [("somebody", true), ("nobody", false)] {
        let answered = f.create(&local, of(user)).await.unwrap();
        assert_eq!(answered.object.to_value()["status"]["allowed"], allowed, "{user}");
    }
    let elsewhere = target("localsubjectaccessreviews", Some("shop"), "");
    assert!(refused(f.create(&elsewhere, of("nobody")).await).message.contains("must match metadata.namespace"));
    assert_eq!(refused(f.registry.get(&cx(), &review).await).reason, Reason::MethodNotAllowed);
    assert_eq!(f.cache.revision(), before);
}

#[tokio::test]
async fn node_ports_come_and_go_with_the_type() {
    let f = Fixture::new().await;
    let t = target("services", Some("default"), "s");
    let mut body = service_body(json!([{"name": "a", "port": 80}, {"name": "b", "port": 81, "nodePort": 30080}]));
    body["spec"]["type"] = json!("NodePort");
    let service = f.create(&t, body.clone()).await.unwrap().to_value();
    let first = service["spec"]["ports"][0]["nodePort"].as_i64().unwrap();
    assert!((30_000..=32_767).contains(&first));
    let status = refused(f.create(&target("services", Some("default"), "other"), body.clone()).await);
    assert_eq!((status.code, status.details.unwrap().causes[0].field.as_str()), (422, "spec.ports[1].nodePort"));
    let patch = Patch { kind: PatchKind::Merge, body: json!({"spec": {"type": "ClusterIP"}}) };
    let service = f.registry.patch(&cx(), &t, &patch, &WriteOptions::default()).await.unwrap().to_value();
    assert!(service["spec"]["ports"][1].get("nodePort").is_none(), "{service}");
    f.create(&target("services", Some("default"), "other"), body).await.unwrap();
}

#[tokio::test]
async fn a_list_in_pages_shows_one_revision() {
    let f = Fixture::new().await;
    for i in 0..10 {
        f.config_map(&format!("c{i}"), "x").await.unwrap();
    }
    let scope = Scope::namespace(kind("configmaps"), "default");
    let mut options = ListOptions { limit: 4, ..ListOptions::default() };
    let first = f.registry.list(&cx(), &scope, &options).await.unwrap();
    let mut names: Vec<String> = first.items.iter().map(|stored| stored.object.meta().name.clone()).collect();
    f.registry.delete(&cx(), &target("configmaps", Some("default"), "c7"), &DeleteOptions::default()).await.unwrap();
    f.config_map("c55", "new").await.unwrap();
    options.continue_token = first.continue_token.clone();
    while options.continue_token.is_some() {
        let page = f.registry.list(&cx(), &scope, &options).await.unwrap();
        assert_eq!(page.revision, first.revision);
        names.extend(page.items.iter().map(|stored| stored.object.meta().name.clone()));
        options.continue_token = page.continue_token;
    }
    assert_eq!(names, (0..10).map(|i| format!("c{i}")).collect::<Vec<_>>());
    f.store.apply(Body::Compact { revision: f.cache.revision() });
    options.continue_token = first.continue_token;
    assert_eq!(f.registry.list(&cx(), &scope, &options).await.unwrap_err().reason, Reason::Expired);
}

#[tokio::test]
async fn many_are_deleted_by_their_labels() {
    let f = Fixture::new().await;
    for (name, app) in [("a", "x"), ("b", "y"), ("c", "x")] {
        f.create(&target("configmaps", Some("default"), name), json!({"metadata": {"labels": {"app": app}}}))
            .await
            .unwrap();
    }
    let scope = Scope::namespace(kind("configmaps"), "default");
    let list = ListOptions { labels: xebec_api::LabelSelector::parse("app=x").unwrap(), ..ListOptions::default() };
    let deleted = f.registry.delete_collection(&cx(), &scope, &list, &DeleteOptions::default()).await.unwrap();
    assert_eq!((deleted.count, deleted.shown.map(|shown| shown.len())), (2, Some(2)));
    assert_eq!(f.cache.list(scope.kind, Some("default")).len(), 1);
}

#[tokio::test]
async fn events_go_an_hour_after_their_last_change_and_watchers_see_them_go() {
    let f = Fixture::new().await;
    let event = |name: &str| target("events", Some("default"), name);
    let body = json!({"involvedObject": {"kind": "Pod", "namespace": "default", "name": "a"}, "reason": "Pulled"});
    f.config_map("kept", "one").await.unwrap();
    f.create(&event("once"), body.clone()).await.unwrap();
    f.create(&event("counted"), body).await.unwrap();
    f.store.pass(Duration::from_secs(1800));
    let count = Patch { kind: PatchKind::Merge, body: json!({"count": 2}) };
    f.registry.patch(&cx(), &event("counted"), &count, &WriteOptions::default()).await.unwrap();
    let mut watch = f.cache.subscribe(kind("events"), None, Some(f.cache.revision())).unwrap();

    f.store.pass(Duration::from_secs(1900));
    let left: Vec<String> =
        f.cache.list(kind("events"), None).into_iter().map(|stored| stored.object.meta().name.clone()).collect();
    assert_eq!(left, ["counted"]);
    let gone = watch.try_next().unwrap().expect("an expiry is an event");
    assert!(gone.current().is_none());
    assert_eq!(gone.previous().map(|stored| stored.object.meta().name.as_str()), Some("once"));

    f.store.pass(Duration::from_secs(1800));
    assert!(f.cache.list(kind("events"), None).is_empty());
    assert!(f.registry.get(&cx(), &target("configmaps", Some("default"), "kept")).await.is_ok());
}
