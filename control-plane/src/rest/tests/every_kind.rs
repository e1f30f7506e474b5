//! What only some kinds have: two versions, parts, budgets. What all have is in the contract (`tests/masters/contract/lifecycle.rs`).

use serde_json::{Value, json};
use xebec_api::{Kind, kinds};

use super::*;

const JSON: (&str, &str) = ("content-type", "application/json");
const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");

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
