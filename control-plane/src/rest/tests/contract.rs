//! Requests and the answers that clients expect of them.

use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::*;

const JSON: (&str, &str) = ("content-type", "application/json");
const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PODS: &str = "/api/v1/namespaces/default/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn config_map(name: &str) -> String {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"app": name}}, "data": {"k": "v"}}).to_string()
}

fn pod(name: &str) -> String {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [{"name": "app", "image": "shop:1"}]}}).to_string()
}

fn deployment(name: &str) -> String {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": 1, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "shop:1"}]}},
    }})
    .to_string()
}

/// A request that must be refused.
struct Refusal {
    method: &'static str,
    uri: String,
    content_type: &'static str,
    body: String,
    code: u16,
    reason: &'static str,
    field: &'static str,
}

fn refusal(
    method: &'static str,
    uri: impl Into<String>,
    body: impl Into<String>,
    expect: (u16, &'static str, &'static str),
) -> Refusal {
    let (code, reason, field) = expect;
    Refusal { method, uri: uri.into(), content_type: "application/json", body: body.into(), code, reason, field }
}

impl Refusal {
    fn typed(self, content_type: &'static str) -> Refusal {
        Refusal { content_type, ..self }
    }
}

fn refusals() -> Vec<Refusal> {
    let item = |name: &str| format!("{CONFIG_MAPS}/{name}");
    let mut bad_replicas: Value = serde_json::from_str(&deployment("d")).unwrap();
    bad_replicas["spec"]["replicas"] = json!(-1);
    let stale = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "there", "resourceVersion": "1"}})
        .to_string();
    vec![
        refusal("GET", "/api/v1/widgets", "", (404, "NotFound", "")),
        refusal("GET", "/apis/none/v1", "", (404, "NotFound", "")),
        refusal("GET", item("absent"), "", (404, "NotFound", "")),
        refusal("GET", format!("{}/scale", item("there")), "", (404, "NotFound", "")),
        refusal("GET", format!("{PODS}/%2e%2e"), "", (400, "BadRequest", "")),
        refusal("GET", format!("{CONFIG_MAPS}?labelSelector=%21%21"), "", (400, "BadRequest", "")),
        refusal("GET", format!("{CONFIG_MAPS}?fieldSelector=spec.color%3Dred"), "", (400, "BadRequest", "")),
        refusal("GET", format!("{CONFIG_MAPS}?limit=many"), "", (422, "Invalid", "limit")),
        refusal("GET", format!("{CONFIG_MAPS}?continue=nonsense"), "", (400, "BadRequest", "")),
        refusal(
            "GET",
            format!("{CONFIG_MAPS}?watch=1&sendInitialEvents=true"),
            "",
            (422, "Invalid", "resourceVersionMatch"),
        ),
        refusal("PUT", CONFIG_MAPS, "", (405, "MethodNotAllowed", "")),
        refusal("POST", "/api/v1/configmaps", config_map("a"), (405, "MethodNotAllowed", "")),
        refusal("POST", CONFIG_MAPS, config_map("there"), (409, "AlreadyExists", "")),
        refusal("POST", CONFIG_MAPS, config_map("Not_A_Label"), (422, "Invalid", "metadata.name")),
        refusal("POST", CONFIG_MAPS, "{\"kind\":", (400, "BadRequest", "")),
        refusal(
            "POST",
            format!("{CONFIG_MAPS}?fieldValidation=Strict"),
            "{\"metadata\":{\"name\":\"x\"},\"data\":{\"a\":\"1\",\"a\":\"2\"}}",
            (400, "BadRequest", ""),
        ),
        refusal("POST", CONFIG_MAPS, "a: [", (400, "BadRequest", "")).typed("application/yaml"),
        refusal("POST", CONFIG_MAPS, pod("x"), (400, "BadRequest", "")),
        refusal("POST", CONFIG_MAPS, "k8s\0", (400, "BadRequest", "")).typed("application/vnd.kubernetes.protobuf"),
        refusal("POST", CONFIG_MAPS, "\u{1}", (415, "UnsupportedMediaType", "")).typed("application/cbor"),
        refusal("POST", "/api/v1/namespaces/nowhere/configmaps", config_map("a"), (404, "NotFound", "")),
        refusal("POST", format!("{CONFIG_MAPS}?dryRun=Some"), config_map("a"), (422, "Invalid", "dryRun")),
        refusal(
            "POST",
            format!("{PODS}?fieldValidation=Strict"),
            pod("x").replace("image", "immage"),
            (400, "BadRequest", ""),
        ),
        refusal(
            "POST",
            PODS,
            json!({"metadata": {"name": "x"}, "spec": {"containers": "none"}}).to_string(),
            (400, "BadRequest", ""),
        ),
        refusal("POST", DEPLOYMENTS, bad_replicas.to_string(), (422, "Invalid", "spec.replicas")),
        refusal("PUT", item("there"), config_map("other"), (400, "BadRequest", "")),
        refusal("PUT", item("there"), stale, (409, "Conflict", "")),
        refusal("PUT", item("absent"), config_map("absent"), (404, "NotFound", "")),
        refusal("PATCH", item("there"), "{}", (415, "UnsupportedMediaType", "")),
        refusal("PATCH", item("there"), "{}", (415, "UnsupportedMediaType", "")).typed("application/apply-patch+cbor"),
        refusal("PATCH", item("absent"), "{}", (404, "NotFound", "")).typed("application/merge-patch+json"),
        refusal("DELETE", item("absent"), "", (404, "NotFound", "")),
        refusal("DELETE", item("there"), "{\"preconditions\":{\"uid\":\"another\"}}", (409, "Conflict", "")),
        refusal(
            "DELETE",
            format!("{}?propagationPolicy=Sideways", item("there")),
            "",
            (422, "Invalid", "propagationPolicy"),
        ),
    ]
}

#[tokio::test]
async fn every_refusal_has_its_code_reason_and_field_and_stores_nothing() {
    let f = Fixture::new().await;
    let app = app(&f, "jane");
    f.config_map("there", "x").await.unwrap();
    let before = f.cache.revision();
    for case in refusals() {
        let (code, status) =
            call(&app, case.method, &case.uri, &[("content-type", case.content_type)], case.body).await;
        let label = format!("{} {}: {status}", case.method, case.uri);
        assert_eq!(code, case.code, "{label}");
        assert_eq!(
            (&status["kind"], &status["status"], &status["reason"]),
            (&json!("Status"), &json!("Failure"), &json!(case.reason)),
            "{label}"
        );
        let causes = status["details"]["causes"].as_array().cloned().unwrap_or_default();
        assert!(case.field.is_empty() || causes.iter().any(|cause| cause["field"] == case.field), "{label}");
    }
    assert_eq!(f.cache.revision(), before);
}

#[tokio::test]
async fn bodies_have_a_limit() {
    let f = Fixture::new().await;
    let app = app(&f, "jane");
    let (code, status) = call(&app, "POST", CONFIG_MAPS, &[JSON], vec![b' '; 4 << 20]).await;
    assert_eq!((code, &status["reason"]), (413, &json!("RequestEntityTooLarge")));
    let deep = "[".repeat(100_000);
    assert_eq!(call(&app, "POST", CONFIG_MAPS, &[JSON], deep).await.0, 400);
}

#[tokio::test]
async fn who_is_nobody_may_nothing_but_ask_for_health() {
    let f = Fixture::new().await;
    let unknown = router(state(&f, Arc::new(EchoNode)));
    let denied = app(&f, "nobody");
    for uri in ["/livez", "/readyz", "/healthz", "/version"] {
        assert_eq!(call(&unknown, "GET", uri, &[], "").await.0, 200, "{uri}");
    }
    for uri in ["/api", "/apis/apps/v1", PODS, "/openapi/v3"] {
        assert_eq!(call(&unknown, "GET", uri, &[], "").await.0, 401, "{uri}");
        assert_eq!(call(&denied, "GET", uri, &[], "").await.0, 403, "{uri}");
    }
}

#[tokio::test]
async fn an_object_lives_from_post_to_delete() {
    let f = Fixture::new().await;
    let app = app(&f, "jane");
    let item = format!("{CONFIG_MAPS}/a");
    let (code, created) = call(&app, "POST", CONFIG_MAPS, &[JSON], config_map("a")).await;
    assert_eq!((code, &created["metadata"]["name"]), (201, &json!("a")));
    assert!(created["metadata"]["resourceVersion"].is_string());
    let yaml = "data:\n  k: w\nmetadata:\n  labels: {app: a}\n";
    let (code, updated) = call(&app, "PUT", &item, &[("content-type", "application/yaml")], yaml).await;
    assert_eq!((code, &updated["data"]["k"]), (200, &json!("w")), "{updated}");
    for (content_type, patch) in [
        ("application/merge-patch+json", r#"{"data":{"k":null,"m":"1"}}"#),
        ("application/json-patch+json", r#"[{"op":"add","path":"/data/j","value":"2"}]"#),
        ("application/strategic-merge-patch+json", r#"{"data":{"s":"3"}}"#),
    ] {
        assert_eq!(call(&app, "PATCH", &item, &[("content-type", content_type)], patch).await.0, 200, "{content_type}");
    }
    let (_, read) = call(&app, "GET", &item, &[], "").await;
    assert_eq!(read["data"], json!({"m": "1", "j": "2", "s": "3"}));
    let (code, gone) = call(&app, "DELETE", &item, &[], "").await;
    assert_eq!((code, &gone["status"], &gone["details"]["uid"]), (200, &json!("Success"), &read["metadata"]["uid"]));
    assert_eq!(call(&app, "GET", &item, &[], "").await.0, 404);
}

#[tokio::test]
async fn what_the_client_does_not_say_is_filled_in() {
    let f = Fixture::new().await;
    let app = app(&f, "jane");
    let (code, created) = call(&app, "POST", CONFIG_MAPS, &[], r#"{"metadata":{"name":"bare"}}"#).await;
    assert_eq!((code, &created["kind"], &created["apiVersion"]), (201, &json!("ConfigMap"), &json!("v1")));
}

#[tokio::test]
async fn unknown_fields_are_warned_about() {
    let f = Fixture::new().await;
    let app = app(&f, "jane");
    let body = r#"{"metadata":{"name":"w"},"dta":{}}"#;
    let (response, _) = raw(&app, "POST", CONFIG_MAPS, &[JSON], body).await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["warning"], r#"299 - "unknown field 'dta'""#);
}

#[tokio::test]
async fn lists_come_in_pages_and_in_every_form() {
    let f = Fixture::new().await;
    let app = app(&f, "jane");
    for name in ["a", "b", "c"] {
        call(&app, "POST", CONFIG_MAPS, &[JSON], config_map(name)).await;
    }
    let (_, first) = call(&app, "GET", &format!("{CONFIG_MAPS}?limit=2"), &[], "").await;
    assert_eq!((&first["kind"], first["items"].as_array().unwrap().len()), (&json!("ConfigMapList"), 2));
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, second) = call(&app, "GET", &format!("{CONFIG_MAPS}?limit=2&continue={token}"), &[], "").await;
    assert_eq!(second["items"][0]["metadata"]["name"], "c");
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    assert!(second["metadata"].get("continue").is_none());
    let (_, all) = call(&app, "GET", "/api/v1/configmaps?limit=1", &[], "").await;
    assert_eq!(all["metadata"]["remainingItemCount"], 2);
    let (_, some) = call(
        &app,
        "GET",
        &format!("{CONFIG_MAPS}?labelSelector=app%20in%20(a,c)&fieldSelector=metadata.name!%3Dc"),
        &[],
        "",
    )
    .await;
    assert_eq!(some["items"].as_array().unwrap().len(), 1);

    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")];
    let (_, rows) = call(&app, "GET", CONFIG_MAPS, &table, "").await;
    assert_eq!((&rows["kind"], &rows["rows"][0]["cells"][0]), (&json!("Table"), &json!("a")));
    assert_eq!(rows["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let partial = [("accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")];
    let (_, list) = call(&app, "GET", CONFIG_MAPS, &partial, "").await;
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert!(list["items"][0].get("data").is_none());
    assert_eq!(call(&app, "GET", CONFIG_MAPS, &[("accept", "text/html")], "").await.0, 406);
}

#[tokio::test]
async fn a_watch_is_a_line_for_each_event() {
    let f = Fixture::new().await;
    let app = app(&f, "jane");
    f.config_map("a", "x").await.unwrap();
    let uri = format!(
        "{CONFIG_MAPS}?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    );
    let (_, bytes) = raw(&app, "GET", &uri, &[], "").await;
    let lines: Vec<Value> = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let types: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["ADDED", "BOOKMARK", "BOOKMARK"]);
    assert_eq!(lines[0]["object"]["metadata"]["name"], "a");
    assert_eq!(lines[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(lines[2]["object"]["kind"], "ConfigMap");
}

#[tokio::test]
async fn a_pod_is_bound_read_and_evicted() {
    let f = Fixture::new().await;
    let app = app(&f, "jane");
    assert_eq!(call(&app, "POST", PODS, &[JSON], pod("p")).await.0, 201);
    assert_eq!(call(&app, "GET", &format!("{PODS}/p/log"), &[], "").await.0, 400);
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}).to_string();
    let (code, status) = call(&app, "POST", &format!("{PODS}/p/binding"), &[JSON], binding).await;
    assert_eq!((code, &status["status"]), (201, &json!("Success")), "{status}");
    let (response, text) = raw(&app, "GET", &format!("{PODS}/p/log?tailLines=3"), &[], "").await;
    assert_eq!(response.headers()[CONTENT_TYPE], "text/plain");
    assert_eq!(text, "app on n1\n");
    assert_eq!(call(&app, "GET", &format!("{PODS}/p/log?container=other"), &[], "").await.0, 400);
    let eviction = r#"{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"p"}}"#;
    assert_eq!(call(&app, "POST", &format!("{PODS}/p/eviction"), &[JSON], eviction).await.0, 201);
    let (_, going) = call(&app, "GET", &format!("{PODS}/p"), &[], "").await;
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    let (code, _) = call(&app, "DELETE", &format!("{PODS}/p"), &[JSON], r#"{"gracePeriodSeconds":0}"#).await;
    assert_eq!(code, 200);
    assert_eq!(call(&app, "GET", &format!("{PODS}/p"), &[], "").await.0, 404);
}

#[tokio::test]
async fn replicas_have_a_scale() {
    let f = Fixture::new().await;
    let app = app(&f, "jane");
    call(&app, "POST", DEPLOYMENTS, &[JSON], deployment("d")).await;
    let scale = format!("{DEPLOYMENTS}/d/scale");
    let (code, read) = call(&app, "GET", &scale, &[], "").await;
    assert_eq!((code, &read["kind"], &read["status"]["selector"]), (200, &json!("Scale"), &json!("app=d")), "{read}");
    let mut wanted = read.clone();
    wanted["spec"]["replicas"] = json!(4);
    let (code, written) = call(&app, "PUT", &scale, &[JSON], wanted.to_string()).await;
    assert_eq!((code, &written["spec"]["replicas"]), (200, &json!(4)), "{written}");
    assert_eq!(call(&app, "PUT", &scale, &[JSON], wanted.to_string()).await.0, 409);
    let merge = ("content-type", "application/merge-patch+json");
    assert_eq!(call(&app, "PATCH", &scale, &[merge], r#"{"spec":{"replicas":-1}}"#).await.0, 422);
    let table = ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
    let (_, shown) = call(&app, "GET", &scale, &[table], "").await;
    let columns: Vec<_> = shown["columnDefinitions"].as_array().unwrap().iter().map(|column| &column["name"]).collect();
    assert_eq!(columns, ["Name", "Desired", "Available", "Age"]);
    assert_eq!((&shown["rows"][0]["cells"][0], &shown["rows"][0]["cells"][2]), (&json!("d"), &json!(0)), "{shown}");
}

#[tokio::test]
async fn many_are_deleted_at_once() {
    let f = Fixture::new().await;
    let app = app(&f, "jane");
    for name in ["a", "b", "c"] {
        call(&app, "POST", CONFIG_MAPS, &[JSON], config_map(name)).await;
    }
    let (code, deleted) = call(&app, "DELETE", &format!("{CONFIG_MAPS}?labelSelector=app!%3Db"), &[], "").await;
    assert_eq!((code, deleted["items"].as_array().unwrap().len()), (200, 2));
    let (_, left) = call(&app, "GET", CONFIG_MAPS, &[], "").await;
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn discovery_is_plain_and_aggregated() {
    let f = Fixture::new().await;
    let app = app(&f, "jane");
    let (_, core) = call(&app, "GET", "/api/v1", &[], "").await;
    let names: Vec<&str> = core["resources"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert!(
        ["pods", "pods/log", "pods/binding", "services", "nodes"].iter().all(|name| names.contains(name)),
        "{names:?}"
    );
    let (_, groups) = call(&app, "GET", "/apis", &[], "").await;
    assert!(groups["groups"].as_array().unwrap().iter().any(|group| group["name"] == "apps"));
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let (response, bytes) = raw(&app, "GET", "/apis", &[("accept", accept)], "").await;
    assert_eq!(
        response.headers()[CONTENT_TYPE],
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    );
    let list: Value = serde_json::from_slice(&bytes).unwrap();
    let apps = list["items"].as_array().unwrap().iter().find(|group| group["metadata"]["name"] == "apps").unwrap();
    let deployments = &apps["versions"][0]["resources"][0];
    assert_eq!((&deployments["resource"], &deployments["scope"]), (&json!("deployments"), &json!("Namespaced")));
    let (_, index) = call(&app, "GET", "/openapi/v3", &[], "").await;
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap();
    let (code, document) = call(&app, "GET", url, &[], "").await;
    assert_eq!((code, &document["openapi"]), (200, &json!("3.0.0")));
}
