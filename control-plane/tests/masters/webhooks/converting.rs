//! A custom kind whose versions a webhook converts: `v1` has a number in `spec.size`, `v2` the same as text in `spec.width`.

use serde_json::{Value, json};

use super::Stage;
use super::server::Reply;
use crate::support::*;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const NAME: &str = "carts.shop.example";

pub(crate) async fn play(stage: &Stage) {
    stage.webhook.answers(|_, request| convert(request));
    let (code, body) = stage.create(DEFINITIONS, definition(stage, "v1")).await;
    assert_eq!(code, 201, "{body}");
    what_is_written_in_one_version_is_read_in_the_other(stage).await;
    every_kind_of_write_works_in_the_other_version(stage).await;
    a_list_is_one_question(stage).await;
    a_watch_shows_its_own_version(stage).await;
    the_stored_version_changes_under_the_objects(stage).await;
    what_the_webhook_cannot_do_is_told(stage).await;
}

fn definition(stage: &Stage, stored: &str) -> Value {
    let version = |name: &str, field: &str, of: &str| {
        let spec = json!({"type": "object", "properties": {field: {"type": of}}});
        let schema = json!({"type": "object", "properties": {"spec": spec}});
        json!({"name": name, "served": true, "storage": name == stored, "schema": {"openAPIV3Schema": schema}})
    };
    let webhook = json!({"clientConfig": stage.webhook.client_config("convert"), "conversionReviewVersions": ["v1"]});
    json!({
        "metadata": {"name": NAME},
        "spec": {
            "group": "shop.example", "scope": "Namespaced", "names": {"plural": "carts", "kind": "Cart"},
            "versions": [version("v1", "size", "integer"), version("v2", "width", "string")],
            "conversion": {"strategy": "Webhook", "webhook": webhook},
        },
    })
}

fn convert(request: &Value) -> Reply {
    let wanted = request["desiredAPIVersion"].as_str().unwrap();
    let objects: Vec<Value> =
        request["objects"].as_array().unwrap().iter().map(|cart| converted(cart, wanted)).collect();
    Reply::Response(json!({"convertedObjects": objects, "result": {"status": "Success"}}))
}

fn converted(cart: &Value, wanted: &str) -> Value {
    let mut out = cart.clone();
    out["apiVersion"] = json!(wanted);
    out["spec"] = match wanted {
        "shop.example/v1" => json!({"size": cart["spec"]["width"].as_str().unwrap_or("0").parse::<i64>().unwrap()}),
        _ => json!({"width": cart["spec"]["size"].as_i64().unwrap_or_default().to_string()}),
    };
    out["metadata"]["annotations"]["converted"] = json!(wanted);
    out["metadata"]["finalizers"] = json!(["made.up/by-the-webhook"]);
    out
}

fn carts(version: &str) -> String {
    format!("/apis/shop.example/{version}/namespaces/default/carts")
}

fn cart(name: &str, spec: Value) -> Value {
    json!({"metadata": {"name": name}, "spec": spec})
}

async fn what_is_written_in_one_version_is_read_in_the_other(stage: &Stage) {
    let (code, made) = stage.create(&carts("v2"), cart("a", json!({"width": "7", "nonsense": 1}))).await;
    assert_eq!((code, &made["spec"]), (201, &json!({"width": "7"})), "{made}");
    assert_eq!(made["apiVersion"], "shop.example/v2");
    assert_eq!(made["metadata"]["finalizers"], Value::Null, "of the metadata only labels and annotations are taken");
    let (_, old) = stage.get(&format!("{}/a", carts("v1"))).await;
    assert_eq!((&old["apiVersion"], &old["spec"]), (&json!("shop.example/v1"), &json!({"size": 7})));
    assert_eq!(old["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(old["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    let (code, refusal) = stage.create(&carts("v2"), cart("b", json!({"width": 7}))).await;
    assert_eq!(code, 422, "each version has its schema: {refusal}");
}

async fn every_kind_of_write_works_in_the_other_version(stage: &Stage) {
    let path = format!("{}/a", carts("v2"));
    let (_, mut present) = stage.get(&path).await;
    present["spec"]["width"] = json!("8");
    let (code, updated) = stage.send("PUT", &path, present).await;
    assert_eq!((code, &updated["spec"]), (200, &json!({"width": "8"})), "{updated}");
    let merge = [("content-type", "application/merge-patch+json")];
    let body = Some(json!({"spec": {"width": "9"}}));
    let (head, patched) = exchange(&stage.master, &stage.admin, "PATCH", &path, &merge, body).await;
    assert_eq!((head.status.as_u16(), &patched["spec"]), (200, &json!({"width": "9"})), "{patched}");
    let apply = [("content-type", "application/apply-patch+yaml")];
    let mut config = cart("a", json!({"width": "10"}));
    (config["apiVersion"], config["kind"]) = (json!("shop.example/v2"), json!("Cart"));
    let query = format!("{path}?fieldManager=me&force=true");
    let (head, applied) = exchange(&stage.master, &stage.admin, "PATCH", &query, &apply, Some(config)).await;
    assert_eq!((head.status.as_u16(), &applied["spec"]), (200, &json!({"width": "10"})), "{applied}");
    assert_eq!(stage.get(&format!("{}/a", carts("v1"))).await.1["spec"], json!({"size": 10}));
}

async fn a_list_is_one_question(stage: &Stage) {
    for index in 0..20 {
        assert_eq!(stage.create(&carts("v1"), cart(&format!("many-{index}"), json!({"size": index}))).await.0, 201);
    }
    stage.webhook.answers(|_, request| convert(request));
    let (code, list) = stage.get(&carts("v2")).await;
    assert_eq!(code, 200);
    let items = list["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[2]["spec"]), (21, &json!({"width": "1"})));
    assert_eq!(stage.webhook.asked().len(), 1);
    assert_eq!(stage.get(&carts("v1")).await.1["items"].as_array().unwrap().len(), 21);
    assert_eq!(stage.webhook.asked().len(), 1, "what is stored so is not asked about");
}

async fn a_watch_shows_its_own_version(stage: &Stage) {
    let path = format!("{}?watch=true&timeoutSeconds=2&resourceVersion=0", carts("v2"));
    let watching = stage.get(&path);
    let changing = async { stage.create(&carts("v1"), cart("late", json!({"size": 99}))).await };
    let ((_, text), (code, _)) = tokio::join!(watching, changing);
    assert_eq!(code, 201);
    let events: Vec<Value> = text.as_str().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 22, "{text}");
    assert!(events.iter().all(|event| event["type"] == "ADDED" && event["object"]["apiVersion"] == "shop.example/v2"));
    let late = events.iter().find(|event| event["object"]["metadata"]["name"] == "late").unwrap();
    assert_eq!(late["object"]["spec"], json!({"width": "99"}));
}

async fn the_stored_version_changes_under_the_objects(stage: &Stage) {
    let path = format!("{DEFINITIONS}/{NAME}");
    let (_, present) = stage.get(&path).await;
    let mut changed = definition(stage, "v2");
    changed["metadata"]["resourceVersion"] = present["metadata"]["resourceVersion"].clone();
    let (code, body) = stage.send("PUT", &path, changed).await;
    assert_eq!((code, &body["status"]["storedVersions"]), (200, &json!(["v1", "v2"])), "{body}");
    let path = format!("{}/a", carts("v2"));
    assert_eq!(stage.get(&path).await.1["spec"], json!({"width": "10"}));
    stage.webhook.answers(|_, request| convert(request));
    let (_, seen) = stage.get(&path).await;
    assert_eq!(stage.webhook.asked().len(), 1, "it is still stored as it was written");
    let (code, written) = stage.send("PUT", &path, seen.clone()).await;
    assert_eq!(code, 200, "{written}");
    assert_ne!(written["metadata"]["resourceVersion"], seen["metadata"]["resourceVersion"], "an update writes it anew");
    stage.webhook.answers(|_, request| convert(request));
    assert_eq!(stage.get(&path).await.1["spec"], json!({"width": "10"}));
    assert_eq!(stage.webhook.asked().len(), 0, "from then on it is stored in the new version");
}

async fn what_the_webhook_cannot_do_is_told(stage: &Stage) {
    let path = format!("{}/many-3", carts("v2"));
    let failed = |message: &str| Reply::Response(json!({"result": {"status": "Failure", "message": message}}));
    let failures = [
        (failed("no such size"), "no such size"),
        (Reply::Code(500, ""), "status code 500"),
        (
            Reply::Response(json!({"convertedObjects": [], "result": {"status": "Success"}})),
            "expected 1 converted objects, got 0",
        ),
    ];
    for (reply, why) in failures {
        stage.webhook.answers(move |_, _| reply.clone());
        let (code, body) = stage.get(&path).await;
        let message = body["message"].as_str().unwrap();
        assert_eq!(code, 500, "{message}");
        assert!(
            message.contains("conversion webhook for shop.example/v1, Kind=Cart failed: ") && message.contains(why),
            "{message}"
        );
        let (code, _) = stage.send("PUT", &path, cart("many-3", json!({"width": "1"}))).await;
        assert_eq!(code, 422, "an update must say which version it replaces");
    }
    assert_eq!(stage.send("DELETE", &path, json!({})).await.0, 200, "what cannot be converted can still be deleted");
    assert_eq!(stage.send("DELETE", &format!("{DEFINITIONS}/{NAME}"), json!({})).await.0, 200);
    eventually("the definition to go", async || (stage.get(&carts("v2")).await.0 == 404).then_some(())).await;
}
