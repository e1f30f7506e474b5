//! Webhooks that change objects.

use serde_json::{Value, json};

use super::Stage;
use super::server::{Reply, patching};
use crate::support::*;

pub(crate) async fn play(stage: &Stage) {
    a_patch_is_part_of_what_is_stored(stage).await;
    an_earlier_webhook_is_asked_again_when_a_later_one_changes_the_object(stage).await;
    a_scale_is_changed_as_a_scale(stage).await;
    what_an_object_is_stays(stage).await;
    a_removal_cannot_be_changed(stage).await;
}

async fn a_patch_is_part_of_what_is_stored(stage: &Stage) {
    let namespace = "changed";
    stage.namespace(namespace).await;
    let rules = json!([{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]);
    stage.mutating(namespace, vec![stage.hook(namespace, "sidecar", json!({"rules": rules}))]).await;
    stage.webhook.answers(|_, _| {
        patching(&json!([
            {"op": "add", "path": "/spec/containers/-", "value": {"name": "sidecar", "image": "proxy", "nonsense": 1}},
            {"op": "add", "path": "/metadata/labels", "value": {"injected": "yes"}},
            {"op": "replace", "path": "/metadata/uid", "value": "mine"},
            {"op": "add", "path": "/status", "value": {"message": "made up"}},
        ]))
    });
    let account = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
    eventually("the account", async || (stage.get(&account).await.0 == 200).then_some(())).await;
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let (code, stored) = stage.create(&pods, pod).await;
    assert_eq!(code, 201, "{stored}");
    let sidecar = &stored["spec"]["containers"][1];
    assert_eq!(
        (&sidecar["name"], &sidecar["nonsense"]),
        (&json!("sidecar"), &Value::Null),
        "unknown fields are dropped"
    );
    assert_eq!(sidecar["imagePullPolicy"], "Always", "defaults are filled in");
    assert_eq!(
        sidecar["volumeMounts"][0]["mountPath"], "/var/run/secrets/kubernetes.io/serviceaccount",
        "the plugins run again"
    );
    assert_eq!(
        (&stored["metadata"]["labels"]["injected"], &stored["status"]["message"]),
        (&json!("yes"), &Value::Null)
    );
    assert_ne!(stored["metadata"]["uid"], "mine");
    assert_eq!(stage.get(&format!("{pods}/p")).await.1["spec"], stored["spec"]);
}

/// `a-first` copies a field that `b-second` sets only once it has been asked.
async fn an_earlier_webhook_is_asked_again_when_a_later_one_changes_the_object(stage: &Stage) {
    let namespace = "again";
    stage.namespace(namespace).await;
    let wanting = stage.hook(namespace, "first", json!({"reinvocationPolicy": "IfNeeded"}));
    let content = stage.hook(namespace, "content", json!({}));
    stage.mutating("again-a", vec![wanting, content]).await;
    stage.mutating("again-b", vec![stage.hook(namespace, "second", json!({}))]).await;
    stage.webhook.answers(|path, request| {
        let data = &request["object"]["data"];
        match path {
            "second" => patching(&json!([{"op": "add", "path": "/data/second", "value": "set"}])),
            "first" if data["second"] == "set" => {
                patching(&json!([{"op": "add", "path": "/data/copy", "value": data["second"]}]))
            }
            _ => Reply::Response(json!({"allowed": true})),
        }
    });
    let (code, stored) = stage.config_map(namespace, "a").await;
    assert_eq!((code, &stored["data"]), (201, &json!({"k": "v", "second": "set", "copy": "set"})));
    let about_a = stage.webhook.asked().iter().filter(|asked| asked["name"] == "a").count();
    assert_eq!(about_a, 4, "first, content, second, first again");
}

async fn a_scale_is_changed_as_a_scale(stage: &Stage) {
    let namespace = "scaled";
    stage.namespace(namespace).await;
    let rules = json!([{"operations": ["UPDATE"], "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments/scale"]}]);
    stage.mutating(namespace, vec![stage.hook(namespace, "cap", json!({"rules": rules}))]).await;
    stage.webhook.answers(|_, _| patching(&json!([{"op": "replace", "path": "/spec/replicas", "value": 2}])));
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let spec = json!({"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template});
    let deployments = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    assert_eq!(stage.create(&deployments, json!({"metadata": {"name": "d"}, "spec": spec})).await.0, 201);
    let scale =
        json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}, "spec": {"replicas": 9}});
    let (code, body) = stage.send("PUT", &format!("{deployments}/d/scale"), scale).await;
    assert_eq!((code, &body["spec"]["replicas"]), (200, &json!(2)), "{body}");
}

async fn what_an_object_is_stays(stage: &Stage) {
    let namespace = "named";
    stage.namespace(namespace).await;
    stage.mutating(namespace, vec![stage.hook(namespace, "rename", json!({"failurePolicy": "Ignore"}))]).await;
    for (patch, why) in [
        (json!([{"op": "replace", "path": "/metadata/name", "value": "b"}]), "name of the object"),
        (json!([{"op": "replace", "path": "/kind", "value": "Secret"}]), "does not match the expected kind"),
        (json!([{"op": "replace", "path": "/data", "value": "text"}]), "data"),
        (json!([{"op": "remove", "path": "/nothing/there"}]), "operation 0 of the JSON patch"),
        (json!("no list"), "malformed JSON patch"),
    ] {
        stage.webhook.answers(move |_, _| patching(&patch));
        let (code, body) = stage.config_map(namespace, "a").await;
        assert_eq!(code, 500, "{why}: {body}");
        assert!(body["message"].as_str().unwrap().contains(why), "{why}: {body}");
    }
}

async fn a_removal_cannot_be_changed(stage: &Stage) {
    let namespace = "removed";
    stage.namespace(namespace).await;
    assert_eq!(stage.config_map(namespace, "a").await.0, 201);
    stage.mutating(namespace, vec![stage.hook(namespace, "remover", json!({}))]).await;
    stage.webhook.answers(|_, _| patching(&json!([{"op": "add", "path": "/data", "value": {}}])));
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/a");
    let (code, body) = stage.send("DELETE", &path, json!({})).await;
    assert_eq!(code, 500, "{body}");
    assert!(body["message"].as_str().unwrap().contains("not supported for this operation"));
    stage.webhook.answers(|_, _| Reply::Response(json!({"allowed": true})));
    assert_eq!(stage.send("DELETE", &path, json!({})).await.0, 200);
}
