//! Server-side apply, and who owns what, as clients see it.

use serde_json::{Value, json};

use super::*;

const APPLY: (&str, &str) = ("content-type", "application/apply-patch+yaml");
const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");
const JSON: (&str, &str) = ("content-type", "application/json");
const CONFIG_MAP: &str = "/api/v1/namespaces/default/configmaps/c";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/d";

fn config_map(data: &Value) -> String {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" }, "data": data }).to_string()
}

fn deployment(replicas: u32) -> String {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "d", "creationTimestamp": null },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": "d" } },
            "template": {
                "metadata": { "labels": { "app": "d" }, "creationTimestamp": null },
                "spec": { "containers": [{ "name": "app", "image": "shop:1" }] },
            },
        },
    })
    .to_string()
}

/// A server, and what clients send it.
struct Server {
    app: Router,
    fixture: Fixture,
}

impl Server {
    async fn start() -> Server {
        let fixture = Fixture::new().await;
        Server { app: app(&fixture, "jane"), fixture }
    }

    async fn apply(&self, item: &str, query: &str, body: impl Into<Body>) -> (u16, Value) {
        call(&self.app, "PATCH", &format!("{item}?{query}"), &[APPLY], body).await
    }

    async fn read(&self, item: &str) -> Value {
        call(&self.app, "GET", item, &[], "").await.1
    }

    /// `manager operation subresource: fields`, one a line.
    async fn owners(&self, item: &str) -> Vec<String> {
        let object = self.read(item).await;
        let word = |entry: &Value, key: &str| entry[key].as_str().unwrap_or("-").to_owned();
        let line = |entry: &Value| {
            let who = ["manager", "operation", "subresource"].map(|key| word(entry, key)).join(" ");
            format!("{who}: {}", entry["fieldsV1"])
        };
        let mut lines: Vec<String> =
            object["metadata"]["managedFields"].as_array().into_iter().flatten().map(line).collect();
        lines.sort();
        lines
    }
}

#[tokio::test]
async fn an_apply_creates_then_changes_then_leaves_alone() {
    let s = Server::start().await;
    let (code, created) = s.apply(CONFIG_MAP, "fieldManager=me", config_map(&json!({ "a": "1" }))).await;
    assert_eq!((code, &created["data"]), (201, &json!({ "a": "1" })), "{created}");
    assert!(created["metadata"]["uid"].is_string());
    let (code, changed) =
        s.apply(CONFIG_MAP, "fieldManager=me", "apiVersion: v1\nkind: ConfigMap\ndata: {b: '2'}\n").await;
    assert_eq!((code, &changed["data"]), (200, &json!({ "b": "2" })), "what is said no more is gone: {changed}");
    let revision = s.fixture.cache.revision();
    let (code, same) = s.apply(CONFIG_MAP, "fieldManager=me", config_map(&json!({ "b": "2" }))).await;
    assert_eq!((code, same), (200, changed));
    assert_eq!(s.fixture.cache.revision(), revision, "what changes nothing is no revision");
    assert_eq!(s.owners(CONFIG_MAP).await, [r#"me Apply -: {"f:data":{"f:b":{}}}"#]);
}

#[tokio::test]
async fn a_conflict_names_its_fields_and_force_takes_them() {
    let s = Server::start().await;
    s.apply(CONFIG_MAP, "fieldManager=one", config_map(&json!({ "a": "1", "b": "1" }))).await;
    let (code, status) = s.apply(CONFIG_MAP, "fieldManager=two&force=false", config_map(&json!({ "a": "2" }))).await;
    assert_eq!((code, &status["reason"]), (409, &json!("Conflict")));
    let cause = json!({ "reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".data.a" });
    assert_eq!(status["details"]["causes"], json!([cause]));
    let (code, forced) = s.apply(CONFIG_MAP, "fieldManager=two&force=true", config_map(&json!({ "a": "2" }))).await;
    assert_eq!((code, &forced["data"]), (200, &json!({ "a": "2", "b": "1" })));
    let expected = [r#"one Apply -: {"f:data":{"f:b":{}}}"#, r#"two Apply -: {"f:data":{"f:a":{}}}"#];
    assert_eq!(s.owners(CONFIG_MAP).await, expected);
}

#[tokio::test]
async fn every_refused_apply_has_its_code_and_stores_nothing() {
    let s = Server::start().await;
    s.apply(CONFIG_MAP, "fieldManager=me", config_map(&json!({ "a": "1" }))).await;
    let before = s.fixture.cache.revision();
    let good = config_map(&json!({ "a": "2" }));
    let long = format!("fieldManager={}", "x".repeat(129));
    let with = |metadata: Value| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata }).to_string();
    let (absent, scale) = (format!("{CONFIG_MAP}x"), format!("{DEPLOYMENT}/scale"));
    let absent = absent.as_str();
    let cases = [
        (CONFIG_MAP, "", good.clone(), 422, "fieldManager: Required value: is required for apply patch"),
        (CONFIG_MAP, &long, good.clone(), 422, "fieldManager: Invalid value"),
        (CONFIG_MAP, "fieldManager=a%00b", good.clone(), 422, "printable"),
        (CONFIG_MAP, "fieldManager=me", "{}".into(), 400, "must have apiVersion and kind"),
        (CONFIG_MAP, "fieldManager=me", good.replace("v1", "v2"), 400, "API version"),
        (CONFIG_MAP, "fieldManager=me", good.replace("\"c\"", "\"other\""), 400, "does not match the name on the URL"),
        (CONFIG_MAP, "fieldManager=me", "a: [".into(), 400, "YAML"),
        (CONFIG_MAP, "fieldManager=me", "[]".into(), 400, "apiVersion"),
        (CONFIG_MAP, "fieldManager=me", good.replace("data", "dta"), 400, ".dta: field not declared in schema"),
        (
            CONFIG_MAP,
            "fieldManager=me",
            with(json!({ "managedFields": [] })),
            400,
            "metadata.managedFields must be nil",
        ),
        (CONFIG_MAP, "fieldManager=me", with(json!({ "resourceVersion": "1" })), 409, "modified"),
        (CONFIG_MAP, "fieldManager=me", with(json!({ "uid": "another" })), 409, "UID in precondition"),
        (CONFIG_MAP, "fieldManager=me&dryRun=maybe", good.clone(), 422, "dryRun"),
        (absent, "fieldManager=me", with(json!({ "uid": "another" })), 409, "no existing object was found"),
        (absent, "fieldManager=me", with(json!({ "resourceVersion": "1" })), 409, "modified"),
        (&scale, "fieldManager=me", good.clone(), 400, "autoscaling/v1 Scale"),
        ("/api/v1/namespaces/none/configmaps/c", "fieldManager=me", good.clone(), 404, "namespaces \"none\" not found"),
    ];
    for (item, query, body, code, message) in cases {
        let (found, status) = s.apply(item, query, body.clone()).await;
        assert_eq!((found, &status["kind"]), (code, &json!("Status")), "{query} {body}: {status}");
        assert!(status["message"].as_str().unwrap().contains(message), "{status}");
    }
    let (code, _) = call(&s.app, "PATCH", CONFIG_MAP, &[("content-type", "application/apply-patch+cbor")], "x").await;
    assert_eq!(code, 415);
    let (code, status) = call(&s.app, "PATCH", &format!("{CONFIG_MAP}?force=true"), &[MERGE], "{}").await;
    assert_eq!((code, &status["details"]["causes"][0]["field"]), (422, &json!("force")));
    assert_eq!(s.fixture.cache.revision(), before);
}

#[tokio::test]
async fn whoever_may_not_create_does_not_by_applying() {
    let s = Server::start().await;
    let denied = app(&s.fixture, "nobody");
    let uri = format!("{CONFIG_MAP}?fieldManager=me");
    assert_eq!(call(&denied, "PATCH", &uri, &[APPLY], config_map(&json!({}))).await.0, 403);
}

#[tokio::test]
async fn every_write_notes_who_wrote_what() {
    let s = Server::start().await;
    let post = "/api/v1/namespaces/default/configmaps?fieldManager=creator";
    call(&s.app, "POST", post, &[JSON], config_map(&json!({ "a": "1", "b": "1", "c": "1" }))).await;
    let agent = ("user-agent", "editor/1.0 (linux/amd64)");
    call(&s.app, "PATCH", CONFIG_MAP, &[MERGE, agent], r#"{"data":{"b":"2"}}"#).await;
    let put = format!("{CONFIG_MAP}?fieldManager=replacer");
    call(&s.app, "PUT", &put, &[JSON], config_map(&json!({ "a": "1", "b": "2", "d": "4" }))).await;
    let expected = [
        r#"creator Update -: {"f:data":{"f:a":{}}}"#,
        r#"editor Update -: {"f:data":{"f:b":{}}}"#,
        r#"replacer Update -: {"f:data":{"f:d":{}}}"#,
    ];
    assert_eq!(s.owners(CONFIG_MAP).await, expected);
    let object = s.read(CONFIG_MAP).await;
    assert_eq!(object["metadata"]["managedFields"][0]["time"], "2030-01-01T00:00:00Z");
    call(&s.app, "PATCH", CONFIG_MAP, &[MERGE], r#"{"metadata":{"managedFields":[{}]}}"#).await;
    assert_eq!(s.owners(CONFIG_MAP).await, [] as [&str; 0]);
    let bad = r#"{"metadata":{"managedFields":[{"operation":"Steal"}]}}"#;
    let (code, status) = call(&s.app, "PATCH", CONFIG_MAP, &[MERGE], bad).await;
    assert_eq!((code, &status["details"]["causes"][0]["field"]), (422, &json!("metadata.managedFields[0].operation")));
}

#[tokio::test]
async fn status_and_scale_are_applied_apart() {
    let s = Server::start().await;
    let (code, created) = s.apply(DEPLOYMENT, "fieldManager=me", deployment(2)).await;
    assert_eq!(code, 201, "{created}");
    let status = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "d" }, "spec": { "replicas": 9 }, "status": { "observedGeneration": 1 } });
    let (code, with_status) = s.apply(&format!("{DEPLOYMENT}/status"), "fieldManager=robot", status.to_string()).await;
    assert_eq!(
        (code, &with_status["spec"]["replicas"], &with_status["status"]["observedGeneration"]),
        (200, &json!(2), &json!(1))
    );

    let scale = |replicas: u32| {
        json!({ "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": { "name": "d" }, "spec": { "replicas": replicas } }).to_string()
    };
    let (code, status) = s.apply(&format!("{DEPLOYMENT}/scale"), "fieldManager=scaler", scale(5)).await;
    assert_eq!((code, &status["details"]["causes"][0]["field"]), (409, &json!(".spec.replicas")), "{status}");
    let (code, scaled) = s.apply(&format!("{DEPLOYMENT}/scale"), "fieldManager=scaler&force=true", scale(5)).await;
    assert_eq!((code, &scaled["kind"], &scaled["spec"]["replicas"]), (200, &json!("Scale"), &json!(5)));
    let owners = s.owners(DEPLOYMENT).await;
    assert!(
        owners.contains(&r#"robot Apply status: {"f:status":{"f:observedGeneration":{}}}"#.to_owned()),
        "{owners:?}"
    );
    assert!(owners.contains(&r#"scaler Apply scale: {"f:spec":{"f:replicas":{}}}"#.to_owned()), "{owners:?}");
    assert_eq!(s.apply(DEPLOYMENT, "fieldManager=me", deployment(2)).await.0, 409);
    assert_eq!(s.apply(&format!("{DEPLOYMENT}x/status"), "fieldManager=me", status.to_string()).await.0, 400);
    let absent = deployment(1).replace("\"name\":\"d\"", "\"name\":\"dx\"");
    assert_eq!(s.apply(&format!("{DEPLOYMENT}x/status"), "fieldManager=me", absent).await.0, 404);
}

#[tokio::test]
async fn defaults_are_nobodys() {
    let s = Server::start().await;
    s.apply(DEPLOYMENT, "fieldManager=me", deployment(2)).await;
    let owners = s.owners(DEPLOYMENT).await;
    assert!(!owners[0].contains("revisionHistoryLimit") && owners.len() == 1, "{owners:?}");
    let body = deployment(2).replace("\"replicas\":2", "\"replicas\":2,\"revisionHistoryLimit\":3");
    let (code, object) = s.apply(DEPLOYMENT, "fieldManager=other", body).await;
    assert_eq!((code, &object["spec"]["revisionHistoryLimit"]), (200, &json!(3)));
}

/// A dry run of every verb answers as the verb does, and nothing is stored.
#[tokio::test]
async fn dry_runs_store_nothing() {
    let s = Server::start().await;
    s.apply(CONFIG_MAP, "fieldManager=me", config_map(&json!({ "a": "1" }))).await;
    s.apply(DEPLOYMENT, "fieldManager=me", deployment(2)).await;
    let pod =
        json!({ "metadata": { "name": "p" }, "spec": { "containers": [{ "name": "a", "image": "i" }] } }).to_string();
    assert_eq!(call(&s.app, "POST", "/api/v1/namespaces/default/pods", &[JSON], pod).await.0, 201);
    let before = s.fixture.cache.revision();
    let folder = "/api/v1/namespaces/default/configmaps";
    let absent = config_map(&json!({})).replace("\"c\"", "\"x\"");
    let changed = config_map(&json!({ "a": "2" }));
    let binding = json!({ "target": { "name": "n1" } }).to_string();
    let scale = format!("{DEPLOYMENT}/scale");
    let status = format!("{DEPLOYMENT}/status");
    let json_patch = ("content-type", "application/json-patch+json");
    let strategic = ("content-type", "application/strategic-merge-patch+json");
    let pods = "/api/v1/namespaces/default/pods";
    let absent_item = format!("{folder}/x");
    let (bind, evict) = (format!("{pods}/p/binding"), format!("{pods}/p/eviction"));
    let cases = [
        ("POST", folder, JSON, absent.clone(), 201),
        ("POST", folder, JSON, changed.clone(), 409),
        ("PUT", CONFIG_MAP, JSON, changed.clone(), 200),
        ("PATCH", CONFIG_MAP, MERGE, r#"{"data":{"a":"2"}}"#.into(), 200),
        ("PATCH", CONFIG_MAP, strategic, r#"{"data":{"a":"2"}}"#.into(), 200),
        ("PATCH", CONFIG_MAP, json_patch, r#"[{"op":"replace","path":"/data/a","value":"2"}]"#.into(), 200),
        ("PATCH", CONFIG_MAP, APPLY, changed.clone(), 200),
        ("PATCH", &absent_item, APPLY, absent.clone(), 201),
        ("PATCH", &scale, MERGE, r#"{"spec":{"replicas":7}}"#.into(), 200),
        ("PATCH", &status, MERGE, r#"{"status":{"replicas":7}}"#.into(), 200),
        ("POST", &bind, JSON, binding, 201),
        ("POST", &evict, JSON, "{}".into(), 201),
        ("DELETE", CONFIG_MAP, JSON, String::new(), 200),
        ("DELETE", folder, JSON, String::new(), 200),
    ];
    for (method, uri, content_type, body, code) in cases {
        let uri = format!("{uri}?dryRun=All&fieldManager=me");
        let (found, answer) = call(&s.app, method, &uri, &[content_type], body).await;
        assert_eq!(found, code, "{method} {uri}: {answer}");
        assert_eq!(s.fixture.cache.revision(), before, "{method} {uri} stored something");
    }
}
