//! What in-tree admission adds and refuses, as clients see it.

use futures::future::join_all;
use serde_json::json;
use xebec_api::{Subresource, quota};

use super::*;
use crate::audit::Annotations;
use crate::registry::testing::{cx, kind, target};
use crate::registry::{DeleteOptions, Patch, PatchKind, WriteOptions};

const JSON: (&str, &str) = ("content-type", "application/json");
const PODS: &str = "/api/v1/namespaces/default/pods";

fn pod(name: &str, container: Value) -> String {
    let mut container = container;
    container["name"] = json!("app");
    container["image"] = json!("shop:1");
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}})
        .to_string()
}

async fn refused(app: &Router, body: String) -> String {
    let (code, answer) = call(app, "POST", PODS, &[JSON], body).await;
    assert_eq!(code, 403, "{answer}");
    answer["message"].as_str().unwrap().to_owned()
}

/// A quota that has been counted, as the controller does it.
async fn quota(fixture: &Fixture, hard: Value) {
    let target = target("resourcequotas", Some("default"), "q");
    let stored = fixture.create(&target, json!({"spec": {"hard": hard}})).await.unwrap();
    let pods = fixture.cache.list(kind("pods"), Some("default"));
    let pods = pods.iter().map(|pod| (kind("pods"), pod.object.to_value()));
    let body = json!({"status": quota::count(&stored.to_value(), pods)});
    let status = target.subresource(Subresource::Status);
    let patch = Patch { kind: PatchKind::Merge, body };
    fixture.registry.patch(&cx(), &status, &patch, &WriteOptions::default()).await.unwrap();
}

fn used(fixture: &Fixture) -> Value {
    let stored = fixture.cache.get(kind("resourcequotas"), Some("default"), "q").unwrap();
    stored.to_value()["status"]["used"].clone()
}

#[tokio::test]
async fn a_quota_is_kept_and_told() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    quota(&fixture, json!({"pods": "1", "requests.cpu": "2"})).await;
    let asks = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu}}});
    assert_eq!(
        refused(&app, pod("a", json!({}))).await,
        "pods \"a\" is forbidden: failed quota: q: must specify requests.cpu for: app"
    );
    assert_eq!(
        refused(&app, pod("a", asks("3"))).await,
        "pods \"a\" is forbidden: exceeded quota: q, requested: requests.cpu=3, used: requests.cpu=0, \
         limited: requests.cpu=2"
    );
    assert_eq!(call(&app, "POST", PODS, &[JSON], pod("a", asks("1"))).await.0, 201);
    assert_eq!(used(&fixture), json!({"pods": "1", "requests.cpu": "1"}));
    assert!(refused(&app, pod("b", asks("1"))).await.contains("requested: pods=1, used: pods=1, limited: pods=1"));
    let dry = format!("{PODS}?dryRun=All");
    assert_eq!(call(&app, "POST", &dry, &[JSON], pod("b", asks("1"))).await.0, 403);
    assert_eq!(call(&app, "DELETE", &format!("{PODS}/a"), &[], "").await.0, 200);
    assert_eq!(used(&fixture), json!({"pods": "0", "requests.cpu": "0"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_is_exact_whoever_writes_at_the_same_time() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    quota(&fixture, json!({"pods": "5"})).await;
    let create = |number: usize| {
        let app = app.clone();
        async move { call(&app, "POST", PODS, &[JSON], pod(&format!("p{number}"), json!({}))).await.0 }
    };
    let codes = join_all((0..20).map(create)).await;
    assert_eq!(codes.iter().filter(|code| **code == 201).count(), 5, "{codes:?}");
    assert_eq!(used(&fixture), json!({"pods": "5"}));
    let delete = |pod: String| {
        let registry = fixture.registry.clone();
        async move { registry.delete(&cx(), &target("pods", Some("default"), &pod), &DeleteOptions::default()).await }
    };
    let pods = fixture.cache.list(kind("pods"), Some("default"));
    let gone = join_all(pods.iter().map(|pod| delete(pod.object.meta().name.clone()))).await;
    assert!(gone.iter().all(Result::is_ok));
    assert_eq!(used(&fixture), json!({"pods": "0"}));
}

#[tokio::test]
async fn nothing_grows_under_a_quota_that_is_not_counted() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let target = target("resourcequotas", Some("default"), "q");
    fixture.create(&target, json!({"spec": {"hard": {"pods": "5"}}})).await.unwrap();
    assert!(refused(&app, pod("a", json!({}))).await.contains("status unknown for quota: q, resources: pods"));
    fixture.config_map("free", "1").await.unwrap();
}

#[tokio::test]
async fn a_limit_range_fills_in_and_bounds() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let limits = json!([{"type": "Container", "max": {"cpu": "1"}, "default": {"cpu": "500m"}}]);
    fixture.create(&target("limitranges", Some("default"), "l"), json!({"spec": {"limits": limits}})).await.unwrap();
    let (code, made) = call(&app, "POST", PODS, &[JSON], pod("a", json!({}))).await;
    assert_eq!(code, 201, "{made}");
    assert_eq!(made["spec"]["containers"][0]["resources"]["limits"], json!({"cpu": "500m"}));
    assert!(made["metadata"]["annotations"]["kubernetes.io/limit-ranger"].as_str().unwrap().contains("cpu limit"));
    let much = json!({"resources": {"limits": {"cpu": "2"}}});
    assert!(refused(&app, pod("b", much)).await.ends_with("maximum cpu usage per Container is 1, but limit is 2"));
}

#[tokio::test]
async fn a_namespaces_level_refuses_pods_and_warns_of_templates() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    assert_eq!(call(&app, "POST", PODS, &[JSON], pod("old", json!({}))).await.0, 201);
    let labels = json!({"metadata": {"labels": {
        "pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted",
    }}});
    let merge = ("content-type", "application/merge-patch+json");
    let (response, _) = raw(&app, "PATCH", "/api/v1/namespaces/default", &[merge], labels.to_string()).await;
    let warnings: Vec<&str> =
        response.headers().get_all("warning").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(warnings[0].contains("existing pods in namespace 'default' violate"), "{warnings:?}");
    assert!(warnings[1].contains("old: allowPrivilegeEscalation != false"), "{warnings:?}");
    let said = refused(&app, pod("new", json!({}))).await;
    assert!(said.contains("violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false"), "{said}");
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}});
    let uri = "/apis/apps/v1/namespaces/default/deployments";
    let (response, _) = raw(&app, "POST", uri, &[JSON], deployment.to_string()).await;
    assert_eq!(response.status(), 201);
    assert!(response.headers()["warning"].to_str().unwrap().contains("would violate PodSecurity"));
    let wrong = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "strict"}}});
    assert_eq!(call(&app, "PATCH", "/api/v1/namespaces/default", &[merge], wrong.to_string()).await.0, 422);
}

#[tokio::test]
async fn what_a_level_to_be_audited_does_not_allow_is_on_the_record() {
    let fixture = Fixture::new().await;
    let labels = json!({"metadata": {"labels": {
        "pod-security.kubernetes.io/audit": "restricted", "pod-security.kubernetes.io/enforce": "baseline",
    }}});
    let merge = ("content-type", "application/merge-patch+json");
    let unrecorded = app(&fixture, "jane");
    assert_eq!(call(&unrecorded, "PATCH", "/api/v1/namespaces/default", &[merge], labels.to_string()).await.0, 200);
    let notes = async |body: String, expect: u16| {
        let notes = Annotations::default();
        let record = notes.clone();
        let noted = axum::middleware::map_request(move |mut request: Request| {
            request.extensions_mut().insert(record.clone());
            std::future::ready(request)
        });
        let app = app(&fixture, "jane").layer(noted);
        let (response, _) = raw(&app, "POST", PODS, &[JSON], body).await;
        assert_eq!(response.status().as_u16(), expect);
        assert!(!response.headers().contains_key("warning"));
        notes.all()
    };
    let taken = notes(pod("plain", json!({})), 201).await;
    assert_eq!(taken["pod-security.kubernetes.io/enforce-policy"], "baseline:latest");
    let violations = &taken["pod-security.kubernetes.io/audit-violations"];
    assert!(violations.starts_with("would violate PodSecurity \"restricted:latest\": allowPrivilegeEscalation"));
    let refused = notes(pod("strong", json!({"securityContext": {"privileged": true}})), 403).await;
    assert!(refused["pod-security.kubernetes.io/audit-violations"].contains("privileged"), "{refused:?}");
}

#[tokio::test]
async fn priorities_and_classes_are_looked_up() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    fixture.create(&target("priorityclasses", None, "high"), json!({"value": 1000})).await.unwrap();
    let with = |field: &str, value: &str| {
        let mut body: Value = serde_json::from_str(&pod("a", json!({}))).unwrap();
        body["spec"][field] = json!(value);
        body.to_string()
    };
    let (code, made) = call(&app, "POST", PODS, &[JSON], with("priorityClassName", "high")).await;
    assert_eq!((code, &made["spec"]["priority"]), (201, &json!(1000)), "{made}");
    assert!(refused(&app, with("priorityClassName", "low")).await.contains("no PriorityClass with name low was found"));
    let default = json!({"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "example.com/disk"});
    fixture.create(&target("storageclasses", None, "fast"), default).await.unwrap();
    let claim = json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let claimed = fixture.create(&target("persistentvolumeclaims", Some("default"), "c"), claim).await.unwrap();
    assert_eq!(claimed.to_value()["spec"]["storageClassName"], "fast");
}

#[tokio::test]
async fn a_pod_needs_its_account() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let mut body: Value = serde_json::from_str(&pod("a", json!({}))).unwrap();
    body["spec"]["serviceAccountName"] = json!("missing");
    assert_eq!(
        refused(&app, body.to_string()).await,
        "pods \"a\" is forbidden: error looking up service account default/missing: serviceaccount \"missing\" not found"
    );
    let (_, made) = call(&app, "POST", PODS, &[JSON], pod("a", json!({}))).await;
    let name = made["spec"]["volumes"][0]["name"].as_str().unwrap();
    assert!(name.starts_with("kube-api-access-") && name.len() == 21, "{name}");
}
