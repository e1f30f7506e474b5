//! PATCH in its three other formats, case by case.

use serde_json::{Value, json};

use super::*;

const JSON: (&str, &str) = ("content-type", "application/json");
const ITEM: &str = "/apis/apps/v1/namespaces/default/deployments/d";
const JSON_PATCH: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

async fn server() -> (Fixture, Router) {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let body = json!({
        "metadata": { "name": "d", "labels": { "a": "1" } },
        "spec": {
            "replicas": 1, "selector": { "matchLabels": { "app": "d" } },
            "template": {
                "metadata": { "labels": { "app": "d" } },
                "spec": { "containers": [{ "name": "one", "image": "i:1" }, { "name": "two", "image": "i:1" }] },
            },
        },
    });
    let folder = ITEM.trim_end_matches("/d");
    assert_eq!(call(&app, "POST", folder, &[JSON], body.to_string()).await.0, 201);
    (fixture, app)
}

fn images(object: &Value) -> Vec<String> {
    let containers = object["spec"]["template"]["spec"]["containers"].as_array().cloned().unwrap_or_default();
    containers.iter().map(|c| format!("{}={}", c["name"].as_str().unwrap(), c["image"].as_str().unwrap())).collect()
}

fn template(containers: Value) -> Value {
    json!({ "spec": { "template": { "spec": containers } } })
}

#[tokio::test]
async fn patches_do_what_their_format_says() {
    let ordered = json!({
        "$setElementOrder/containers": [{ "name": "three" }, { "name": "one" }, { "name": "two" }],
        "containers": [{ "name": "three", "image": "i:3" }],
    });
    let cases = [
        (STRATEGIC, template(json!({ "containers": [{ "name": "two", "image": "i:2" }] })), vec!["one=i:1", "two=i:2"]),
        (STRATEGIC, template(ordered), vec!["three=i:3", "one=i:1", "two=i:2"]),
        (
            STRATEGIC,
            template(json!({ "containers": [{ "name": "three", "$patch": "delete" }] })),
            vec!["one=i:1", "two=i:2"],
        ),
        (
            STRATEGIC,
            template(json!({ "containers": [{ "name": "x", "image": "i:9" }, { "$patch": "replace" }] })),
            vec!["x=i:9"],
        ),
        (MERGE, template(json!({ "containers": [{ "name": "m", "image": "i:4" }] })), vec!["m=i:4"]),
        (
            JSON_PATCH,
            json!([
                { "op": "test", "path": "/spec/template/spec/containers/0/name", "value": "m" },
                { "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "i:5" },
            ]),
            vec!["m=i:5"],
        ),
    ];
    let (_fixture, app) = server().await;
    for (format, patch, expected) in cases {
        let (code, object) = call(&app, "PATCH", ITEM, &[("content-type", format)], patch.to_string()).await;
        assert_eq!(
            (code, images(&object)),
            (200, expected.iter().map(ToString::to_string).collect()),
            "{patch}: {object}"
        );
    }
}

#[tokio::test]
async fn a_patch_that_changes_nothing_is_no_revision() {
    let (fixture, app) = server().await;
    let before = fixture.cache.revision();
    let cases = [
        (STRATEGIC, template(json!({ "containers": [{ "name": "one", "image": "i:1" }] }))),
        (STRATEGIC, json!({ "metadata": { "labels": { "gone": null } } })),
        (MERGE, json!({ "metadata": { "labels": { "a": "1" } } })),
        (MERGE, json!({})),
        (JSON_PATCH, json!([])),
        (JSON_PATCH, json!([{ "op": "replace", "path": "/spec/replicas", "value": 1 }])),
    ];
    for (format, patch) in cases {
        let (code, answer) = call(&app, "PATCH", ITEM, &[("content-type", format)], patch.to_string()).await;
        assert_eq!(code, 200, "{patch}: {answer}");
        assert_eq!(fixture.cache.revision(), before, "{patch}");
    }
}

#[tokio::test]
async fn every_refused_patch_has_its_code_and_stores_nothing() {
    let (fixture, app) = server().await;
    let before = fixture.cache.revision();
    let test = |value: &str| json!([{ "op": "test", "path": "/metadata/name", "value": value }]);
    let many = Value::from(vec![json!({ "op": "test", "path": "/kind", "value": "Deployment" }); 10_001]);
    let bomb: Vec<Value> = (0..64).map(|i| json!({ "op": "copy", "from": "", "path": format!("/c{i}") })).collect();
    let cases = [
        ("", JSON_PATCH, test("other").to_string(), 422, "Invalid"),
        ("", JSON_PATCH, json!([{ "op": "remove", "path": "/spec/none" }]).to_string(), 422, "Invalid"),
        ("", JSON_PATCH, json!([{ "op": "explode", "path": "/spec" }]).to_string(), 400, "BadRequest"),
        ("", JSON_PATCH, json!([{ "op": "replace", "path": "", "value": 1 }]).to_string(), 400, "BadRequest"),
        ("", JSON_PATCH, many.to_string(), 413, "RequestEntityTooLarge"),
        ("", JSON_PATCH, Value::from(bomb).to_string(), 413, "RequestEntityTooLarge"),
        ("", JSON_PATCH, "{}".into(), 400, "BadRequest"),
        ("", MERGE, "[]".into(), 400, "BadRequest"),
        ("", MERGE, "{".into(), 400, "BadRequest"),
        ("", MERGE, r#"{"metadata":{"name":"other"}}"#.into(), 400, "BadRequest"),
        ("", MERGE, r#"{"metadata":{"resourceVersion":"1"}}"#.into(), 409, "Conflict"),
        ("", MERGE, r#"{"metadata":{"uid":"another"}}"#.into(), 409, "Conflict"),
        ("", MERGE, r#"{"spec":{"selector":{"matchLabels":{"app":"x"}}}}"#.into(), 422, "Invalid"),
        ("", MERGE, r#"{"spec":{"replicas":"three"}}"#.into(), 400, "BadRequest"),
        ("?fieldValidation=Strict", MERGE, r#"{"spec":{"replicsa":3}}"#.into(), 400, "BadRequest"),
        ("?fieldValidation=Strict", MERGE, r#"{"spec":{"replicas":3,"replicas":4}}"#.into(), 400, "BadRequest"),
        ("", STRATEGIC, template(json!({ "containers": [{ "image": "x" }] })).to_string(), 400, "BadRequest"),
        ("", STRATEGIC, r#"{"spec":{"$patch":"explode"}}"#.into(), 400, "BadRequest"),
        ("", STRATEGIC, r#"{"spec":{"$unknown":true}}"#.into(), 400, "BadRequest"),
        (
            "",
            STRATEGIC,
            r#"{"spec":{"strategy":{"$retainKeys":["type"],"rollingUpdate":{}}}}"#.into(),
            400,
            "BadRequest",
        ),
        ("/scale", MERGE, r#"{"spec":{"replicas":-1}}"#.into(), 422, "Invalid"),
        ("/scale", JSON_PATCH, test("other").to_string(), 422, "Invalid"),
        ("/log", MERGE, "{}".into(), 404, "NotFound"),
        ("x", MERGE, "{}".into(), 404, "NotFound"),
    ];
    for (suffix, format, body, code, reason) in cases {
        let (found, status) =
            call(&app, "PATCH", &format!("{ITEM}{suffix}"), &[("content-type", format)], body.clone()).await;
        let body = &body[..body.len().min(200)];
        assert_eq!((found, &status["reason"]), (code, &json!(reason)), "{suffix} {body}: {status}");
    }
    assert_eq!(fixture.cache.revision(), before);
}

#[tokio::test]
async fn fields_that_come_twice_are_judged_as_asked() {
    let (_fixture, app) = server().await;
    let twice = r#"{"metadata":{"labels":{"a":"2","a":"3"}}}"#;
    let (response, _) = raw(&app, "PATCH", ITEM, &[("content-type", MERGE)], twice).await;
    assert_eq!(response.headers()["warning"], r#"299 - "duplicate field 'metadata.labels.a'""#);
    let ignored = format!("{ITEM}?fieldValidation=Ignore");
    let unknown = r#"{"spec":{"replicsa":3}}"#;
    let (response, _) = raw(&app, "PATCH", &ignored, &[("content-type", MERGE)], unknown).await;
    assert!(response.status() == 200 && !response.headers().contains_key("warning"));
}

#[tokio::test]
async fn unknown_fields_of_a_patch_are_warned_about() {
    let (_fixture, app) = server().await;
    let merged = r#"{"spec":{"replicsa":3}}"#;
    let added = r#"[{"op":"add","path":"/spec/replicsa","value":3}]"#;
    for (format, patch) in [(MERGE, merged), (STRATEGIC, merged), (JSON_PATCH, added)] {
        let (response, _) = raw(&app, "PATCH", ITEM, &[("content-type", format)], patch).await;
        assert_eq!(response.headers()["warning"], r#"299 - "unknown field 'spec.replicsa'""#, "{format}");
        assert_eq!((response.status().as_u16(), response.headers().get_all("warning").iter().count()), (200, 1));
    }
}

#[tokio::test]
async fn subresources_are_patched_apart() {
    let (_fixture, app) = server().await;
    for format in [MERGE, STRATEGIC] {
        let patch = r#"{"spec":{"replicas":8},"status":{"observedGeneration":2}}"#;
        let (code, object) = call(&app, "PATCH", &format!("{ITEM}/status"), &[("content-type", format)], patch).await;
        assert_eq!((code, &object["spec"]["replicas"]), (200, &json!(1)), "{object}");
        assert_eq!(object["status"]["observedGeneration"], 2);
        let (code, scale) =
            call(&app, "PATCH", &format!("{ITEM}/scale"), &[("content-type", format)], r#"{"spec":{"replicas":3}}"#)
                .await;
        assert_eq!((code, &scale["kind"], &scale["spec"]["replicas"]), (200, &json!("Scale"), &json!(3)));
        let back = r#"[{"op":"replace","path":"/spec/replicas","value":1}]"#;
        assert_eq!(call(&app, "PATCH", &format!("{ITEM}/scale"), &[("content-type", JSON_PATCH)], back).await.0, 200);
    }
}

#[tokio::test]
async fn an_update_without_a_version_replaces_what_is_there_unless_the_kind_forbids_it() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let map = "/api/v1/namespaces/default/configmaps";
    let lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    for folder in [map, lease] {
        assert_eq!(call(&app, "POST", folder, &[JSON], r#"{"metadata":{"name":"x"}}"#).await.0, 201);
    }
    for version in ["", "0"] {
        let body =
            json!({ "metadata": { "name": "x", "resourceVersion": version, "labels": { "v": version } } }).to_string();
        assert_eq!(call(&app, "PUT", &format!("{map}/x"), &[JSON], body.clone()).await.0, 200, "{version}");
        let (code, status) = call(&app, "PUT", &format!("{lease}/x"), &[JSON], body).await;
        assert_eq!(
            (code, &status["details"]["causes"][0]["field"]),
            (422, &json!("metadata.resourceVersion")),
            "{status}"
        );
    }
}
