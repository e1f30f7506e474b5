//! Each kind of the table goes the whole way over REST: created, read, listed, tabled, watched, changed, deleted.

use http_body_util::BodyExt;
use serde_json::{Value, json};
use xebec_api::{Kind, Subresource, kinds};

use super::*;

const JSON: (&str, &str) = ("content-type", "application/json");
const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");
const TABLE: (&str, &str) = ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");

/// One good object of each kind, as the kinds' own tests have it.
fn objects() -> Vec<(&'static Kind, Value)> {
    let all = include_str!("../../../../api/tests/api/kinds.yaml").split("\n---\n");
    all.map(|text| {
        let object = xebec_api::decode::yaml(text.as_bytes()).unwrap();
        let (version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
        (kinds::find_api_version(version, kind).unwrap(), object)
    })
    .collect()
}

fn collection(kind: &Kind) -> String {
    let root = if kind.group.is_empty() { "api".to_owned() } else { format!("apis/{}", kind.group) };
    let namespace = if kind.is_namespaced() { "/namespaces/default" } else { "" };
    format!("/{root}/{}{namespace}/{}", kind.version, kind.plural)
}

/// What a watch from a revision shows of the object, up to its end.
async fn changes(app: &Router, uri: &str, name: &str, last: &str) -> Vec<String> {
    let request = Request::builder().uri(uri).body(Body::empty()).unwrap();
    let mut body = app.clone().oneshot(request).await.unwrap().into_body();
    let (mut text, mut seen) = (String::new(), Vec::new());
    while seen.last().is_none_or(|change| change != last) {
        let frame = tokio::time::timeout(std::time::Duration::from_secs(30), body.frame()).await;
        let frame = frame.expect("the watch shows it in time").expect("the watch goes on").unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        while let Some((line, rest)) = text.split_once('\n') {
            let event: Value = serde_json::from_str(line).unwrap();
            if event["object"]["metadata"]["name"] == name {
                seen.push(event["type"].as_str().unwrap().to_owned());
            }
            text = rest.to_owned();
        }
    }
    seen
}

struct Trip<'a> {
    app: &'a Router,
    kind: &'static Kind,
    uri: String,
    name: String,
}

impl Trip<'_> {
    async fn call(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Value {
        let (code, value) = call(self.app, method, uri, headers, body).await;
        assert!((200..300).contains(&code), "{:?}: {method} {uri}: {value}", self.kind);
        value
    }

    async fn created(&self, object: &Value) -> Value {
        let strict = format!("{}?fieldValidation=Strict", collection(self.kind));
        let created = self.call("POST", &strict, &[JSON], object.to_string()).await;
        assert_eq!(created["apiVersion"], self.kind.api_version());
        assert_eq!(self.call("GET", &self.uri, &[], "").await, created, "{:?}", self.kind);
        created
    }

    async fn listed(&self) {
        let list = self.call("GET", &collection(self.kind), &[], "").await;
        assert_eq!(
            (&list["kind"], &list["apiVersion"]),
            (&json!(self.kind.list_kind()), &json!(self.kind.api_version()))
        );
        let own = |item: &&Value| item["metadata"]["name"] == self.name.as_str();
        let found = list["items"].as_array().unwrap().iter().find(own).expect("the object in the list");
        assert_eq!(found["apiVersion"], self.kind.api_version());
        let table = self.call("GET", &collection(self.kind), &[TABLE], "").await;
        let (columns, row) = (table["columnDefinitions"].as_array().unwrap(), &table["rows"][0]["cells"]);
        assert_eq!(columns.len(), row.as_array().unwrap().len(), "{:?}", self.kind);
    }

    async fn changed(&self, created: &Value) {
        let mut update = created.clone();
        update["metadata"]["labels"]["checked"] = json!("yes");
        let updated = self.call("PUT", &self.uri, &[JSON], update.to_string()).await;
        assert_eq!(updated["metadata"]["labels"]["checked"], "yes");
        assert_ne!(updated["metadata"]["resourceVersion"], created["metadata"]["resourceVersion"]);
        let patch = json!({"metadata": {"annotations": {"note": "x"}}}).to_string();
        let patched = self.call("PATCH", &self.uri, &[MERGE], patch).await;
        assert_eq!(patched["metadata"]["annotations"]["note"], "x");
        for key in created.as_object().unwrap().keys().filter(|key| *key != "metadata") {
            assert_eq!(patched[key], created[key], "{:?}: {key}", self.kind);
        }
        if self.kind.has(Subresource::Status) {
            let status = self.call("GET", &format!("{}/status", self.uri), &[], "").await;
            assert_eq!(status["metadata"]["uid"], created["metadata"]["uid"]);
        }
    }

    async fn deleted(&self) {
        self.call("DELETE", &self.uri, &[], "").await;
        let (code, value) = call(self.app, "GET", &self.uri, &[], "").await;
        match self.kind.plural {
            "namespaces" => assert_eq!(value["status"]["phase"], "Terminating"),
            "customresourcedefinitions" => assert!(xebec_api::conditions::is_true(&value, "Terminating"), "{value}"),
            _ => assert_eq!((code, &value["reason"]), (404, &json!("NotFound")), "{:?}", self.kind),
        }
    }
}

#[tokio::test]
async fn every_kind_goes_the_whole_way() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    for (kind, object) in objects() {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let trip = Trip { app: &app, kind, uri: format!("{}/{name}", collection(kind)), name };
        let before = fixture.cache.revision();
        let created = trip.created(&object).await;
        trip.listed().await;
        trip.changed(&created).await;
        trip.deleted().await;
        // These stay until they are empty.
        let waits = ["namespaces", "customresourcedefinitions"].contains(&kind.plural);
        let last = if waits { "MODIFIED" } else { "DELETED" };
        let uri = format!("{}?watch=1&resourceVersion={before}", collection(kind));
        let mut expected = vec!["ADDED", "MODIFIED", "MODIFIED", last];
        if last == "MODIFIED" {
            expected.truncate(2);
        }
        assert_eq!(changes(&app, &uri, &trip.name, last).await, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn two_versions_are_one_object() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let of = |version: &str, kind: &str| {
        objects().into_iter().find(|(k, _)| k.api_version() == version && k.kind == kind).unwrap()
    };
    let (core, event) = of("v1", "Event");
    let (newer, _) = of("events.k8s.io/v1", "Event");
    call(&app, "POST", &collection(core), &[JSON], event.to_string()).await;
    let (_, there) = call(&app, "GET", &format!("{}/e1", collection(newer)), &[], "").await;
    assert_eq!((&there["note"], &there["regarding"]["name"]), (&json!("it failed"), &json!("web")));
    let selected = format!("{}?fieldSelector=regarding.name%3Dweb", collection(newer));
    let (_, list) = call(&app, "GET", &selected, &[], "").await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));

    let (v2, autoscaler) = of("autoscaling/v2", "HorizontalPodAutoscaler");
    let (v1, _) = of("autoscaling/v1", "HorizontalPodAutoscaler");
    let (_, created) = call(&app, "POST", &collection(v2), &[JSON], autoscaler.to_string()).await;
    let uri = format!("{}/web", collection(v1));
    let patch = json!({"spec": {"targetCPUUtilizationPercentage": 60}}).to_string();
    let (code, patched) = call(&app, "PATCH", &uri, &[MERGE], patch).await;
    assert_eq!((code, &patched["apiVersion"]), (200, &json!("autoscaling/v1")), "{patched}");
    let (_, after) = call(&app, "GET", &format!("{}/web", collection(v2)), &[], "").await;
    assert_eq!(after["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 60);
    assert_eq!(after["spec"]["metrics"][1], created["spec"]["metrics"][0]);
    assert_eq!(after["spec"]["behavior"], created["spec"]["behavior"]);
    assert_eq!(after["metadata"].get("annotations"), None);
}

#[tokio::test]
async fn parts_change_only_themselves() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let of = |kind: &str| objects().into_iter().find(|(k, _)| k.kind == kind).unwrap();
    let (kind, request) = of("CertificateSigningRequest");
    let uri = format!("{}/ann", collection(kind));
    let (_, mut created) = call(&app, "POST", &collection(kind), &[JSON], request.to_string()).await;
    assert_eq!(created["spec"]["username"], "jane");
    created["status"]["conditions"] = json!([{"type": "Approved", "status": "True", "reason": "ByHand"}]);
    created["metadata"]["labels"] = json!({"a": "b"});
    let (code, approved) = call(&app, "PUT", &format!("{uri}/approval"), &[JSON], created.to_string()).await;
    assert_eq!((code, &approved["status"]["conditions"][0]["type"]), (200, &json!("Approved")), "{approved}");
    assert_eq!(approved["metadata"].get("labels"), None);
    let mut signed = approved.clone();
    signed["status"] = json!({"certificate": "eA==", "conditions": []});
    let (code, signed) = call(&app, "PUT", &format!("{uri}/status"), &[JSON], signed.to_string()).await;
    assert_eq!((code, &signed["status"]["conditions"][0]["type"]), (200, &json!("Approved")), "{signed}");

    let (kind, pod) = of("Pod");
    let uri = format!("{}/web", collection(kind));
    call(&app, "POST", &collection(kind), &[JSON], pod.to_string()).await;
    let strategic = ("content-type", "application/strategic-merge-patch+json");
    let debug = json!({"spec": {"ephemeralContainers": [{"name": "look", "image": "tools:1"}]}}).to_string();
    let part = format!("{uri}/ephemeralcontainers");
    let (code, looked) = call(&app, "PATCH", &part, &[strategic], debug.clone()).await;
    assert_eq!((code, &looked["spec"]["ephemeralContainers"][0]["name"]), (200, &json!("look")), "{looked}");
    let other = debug.replace("tools:1", "tools:2");
    let (code, refused) = call(&app, "PATCH", &part, &[strategic], other).await;
    assert_eq!((code, &refused["reason"]), (422, &json!("Invalid")), "{refused}");
    let resize =
        json!({"spec": {"containers": [{"name": "app", "resources": {"requests": {"cpu": "1"}}}]}}).to_string();
    let (code, refused) = call(&app, "PATCH", &format!("{uri}/resize"), &[strategic], resize).await;
    assert!(code == 422 && refused["message"].as_str().unwrap().contains("QOS"), "{refused}");
}

#[tokio::test]
async fn an_eviction_asks_the_budget() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "shop:1"}]}});
    call(&app, "POST", pods, &[JSON], pod.to_string()).await;
    let running =
        json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}).to_string();
    call(&app, "PATCH", &format!("{pods}/web/status"), &[MERGE], running).await;
    let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    let budget =
        json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}});
    call(&app, "POST", budgets, &[JSON], budget.to_string()).await;
    let eviction = format!("{pods}/web/eviction");
    let evict = || call(&app, "POST", &eviction, &[JSON], json!({"metadata": {"name": "web"}}).to_string());
    let (code, refused) = evict().await;
    assert_eq!((code, &refused["details"]["causes"][0]["reason"]), (429, &json!("DisruptionBudget")), "{refused}");
    let allowed = json!({"status": {"observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2}});
    call(&app, "PATCH", &format!("{budgets}/b/status"), &[MERGE], allowed.to_string()).await;
    assert_eq!(evict().await.0, 201);
    let (_, budget) = call(&app, "GET", &format!("{budgets}/b"), &[], "").await;
    assert_eq!(
        (&budget["status"]["disruptionsAllowed"], budget["status"]["disruptedPods"].get("web").is_some()),
        (&json!(0), true)
    );
}
