//! Webhooks that refuse.

use serde_json::{Value, json};

use super::Stage;
use super::server::Reply;
use crate::support::*;

pub(crate) async fn play(stage: &Stage) {
    a_denial_reaches_the_caller_with_its_reason(stage).await;
    a_question_says_who_does_what_to_which_object(stage).await;
    calls_and_parts_are_asked_about_as_what_they_are(stage).await;
    another_version_is_shown_where_the_rule_names_it(stage).await;
    conditions_choose_among_requests(stage).await;
    configurations_are_never_asked_about(stage).await;
    a_bad_configuration_is_told_everything(stage).await;
}

async fn a_denial_reaches_the_caller_with_its_reason(stage: &Stage) {
    let namespace = "denied";
    stage.namespace(namespace).await;
    stage.validating(namespace, vec![stage.hook(namespace, "gate", json!({}))]).await;
    stage.webhook.answers(|_, _| {
        Reply::Response(json!({"allowed": false, "status": {"code": 409, "reason": "Conflict", "message": "not today"},
            "warnings": ["come back tomorrow"], "auditAnnotations": {"day": "monday"}}))
    });
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let (head, body) = exchange(&stage.master, &stage.admin, "POST", &path, &[], Some(config_map("a"))).await;
    assert_eq!((head.status.as_u16(), &body["reason"]), (409, &json!("Conflict")));
    assert_eq!(body["message"], "admission webhook \"gate.denied.example.com\" denied the request: not today");
    assert_eq!(stage.get(&format!("{path}/a")).await.0, 404);
    let audit = stage.dir.path().join("audit/audit.log");
    let noted = async || {
        std::fs::read_to_string(&audit).unwrap().contains(r#""gate.denied.example.com/day":"monday""#).then_some(())
    };
    eventually("the note in the audit record", noted).await;

    stage.webhook.answers(|_, _| Reply::Response(json!({"allowed": false})));
    let (code, body) = stage.config_map(namespace, "a").await;
    assert_eq!(code, 400);
    assert_eq!(body["message"], "admission webhook \"gate.denied.example.com\" denied the request without explanation");
    let counted = r#"apiserver_admission_webhook_rejection_count{name="gate.denied.example.com",type="validating",operation="CREATE",error_type="no_error",rejection_code="409"} 1"#;
    assert!(stage.metrics().await.contains(counted));

    stage.webhook.answers(|_, _| Reply::Response(json!({"allowed": true, "warnings": ["mind the gap"]})));
    let (head, _) = exchange(&stage.master, &stage.admin, "POST", &path, &[], Some(config_map("a"))).await;
    assert_eq!(head.status.as_u16(), 201);
    assert_eq!(head.headers["warning"], "299 - \"mind the gap\"");
}

async fn a_question_says_who_does_what_to_which_object(stage: &Stage) {
    let namespace = "asked";
    stage.namespace(namespace).await;
    stage.validating(namespace, vec![stage.hook(namespace, "ear", json!({}))]).await;
    stage.webhook.answers(|_, _| Reply::Response(json!({"allowed": true})));
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    assert_eq!(stage.create(&format!("{path}?dryRun=All&fieldManager=me"), config_map("a")).await.0, 201);
    assert_eq!(stage.get(&format!("{path}/a")).await.0, 404, "a dry run");
    assert_eq!(stage.config_map(namespace, "a").await.0, 201);
    let mut changed = config_map("a");
    changed["data"]["k"] = json!("w");
    assert_eq!(stage.send("PUT", &format!("{path}/a"), changed).await.0, 200);
    assert_eq!(stage.send("DELETE", &path, json!({})).await.0, 200);
    let asked = stage.webhook.asked();
    // The account controller's ConfigMap of the cluster's authority is asked about too.
    let about_a: Vec<&Value> = asked.iter().filter(|asked| asked["name"] == "a").collect();
    let [dry, create, update, delete] = about_a.as_slice() else { panic!("{asked:#?}") };
    let dry_run =
        json!({"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions", "dryRun": ["All"], "fieldManager": "me"});
    assert_eq!((&dry["dryRun"], &dry["options"]), (&json!(true), &dry_run));
    assert!(create["userInfo"]["groups"].as_array().unwrap().contains(&json!("system:masters")));
    let resource = json!({"group": "", "version": "v1", "resource": "configmaps"});
    assert_eq!([&create["resource"], &create["requestResource"]], [&resource, &resource]);
    assert_eq!(create["kind"], json!({"group": "", "version": "v1", "kind": "ConfigMap"}));
    assert_eq!([&create["namespace"], &create["name"]], [namespace, "a"]);
    let text = |object: &Value| object["data"]["k"].as_str().unwrap_or("-").to_owned();
    let told =
        |asked: &Value| format!("{} {} {}", asked["operation"], text(&asked["oldObject"]), text(&asked["object"]));
    let told = [create, update, delete].map(|asked| told(asked));
    assert_eq!(told, ["\"CREATE\" - v", "\"UPDATE\" v w", "\"DELETE\" w -"]);
}

async fn calls_and_parts_are_asked_about_as_what_they_are(stage: &Stage) {
    let namespace = "calls";
    stage.namespace(namespace).await;
    let rules = json!([{"operations": ["*"], "apiGroups": ["", "apps"], "apiVersions": ["v1"],
        "resources": ["pods/binding", "pods/eviction", "pods/status", "pods/exec", "deployments/scale", "serviceaccounts/token"]}]);
    stage.validating(namespace, vec![stage.hook(namespace, "calls", json!({"rules": rules}))]).await;
    stage.webhook.answers(|_, _| Reply::Response(json!({"allowed": false})));
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let account = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
    eventually("the account", async || (stage.get(&account).await.0 == 200).then_some(())).await;
    assert_eq!(stage.create(&pods, pod).await.0, 201);
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let spec = json!({"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template});
    let deployments = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    assert_eq!(stage.create(&deployments, json!({"metadata": {"name": "d"}, "spec": spec})).await.0, 201);
    let meta = json!({"name": "p", "namespace": namespace});
    let binding = json!({"metadata": meta, "target": {"kind": "Node", "name": "n1"}});
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta});
    let scale =
        json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}, "spec": {"replicas": 7}});
    let status = json!({"metadata": {"name": "p"}, "status": {"message": "hello"}});
    let writes = [
        ("POST", format!("{pods}/p/binding"), binding, "CREATE", "v1/Binding"),
        ("POST", format!("{pods}/p/eviction"), eviction, "CREATE", "policy/v1/Eviction"),
        ("PUT", format!("{pods}/p/status"), status, "UPDATE", "v1/Pod"),
        ("PUT", format!("{deployments}/d/scale"), scale, "UPDATE", "autoscaling/v1/Scale"),
        ("POST", format!("{account}/token"), json!({"spec": {}}), "CREATE", "authentication.k8s.io/v1/TokenRequest"),
    ];
    for (method, path, body, operation, kind) in writes {
        stage.webhook.answers(|_, _| Reply::Response(json!({"allowed": false})));
        let (code, refusal) = stage.send(method, &path, body).await;
        assert_eq!(code, 400, "{path}: {refusal}");
        assert!(refusal["message"].as_str().unwrap().contains("denied the request"), "{path}: {refusal}");
        let asked = asked_for_admin(stage);
        let (found, said) = (
            &asked["kind"],
            format!("{}/{}", asked["kind"]["version"].as_str().unwrap(), asked["kind"]["kind"].as_str().unwrap()),
        );
        let group = found["group"].as_str().unwrap();
        let said = if group.is_empty() { said } else { format!("{group}/{said}") };
        assert_eq!((asked["operation"].as_str().unwrap(), said.as_str()), (operation, kind), "{path}");
        assert_eq!(asked["subResource"].as_str().unwrap(), path.rsplit('/').next().unwrap());
    }
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "v5.channel.k8s.io"),
    ];
    let path = format!("{pods}/p/exec?command=ls&stdout=true");
    let (head, refusal) = exchange(&stage.master, &stage.admin, "GET", &path, &upgrade, None).await;
    assert_eq!(head.status.as_u16(), 400, "{refusal}");
    let asked = asked_for_admin(stage);
    assert_eq!((&asked["operation"], &asked["object"]["command"]), (&json!("CONNECT"), &json!(["ls"])));
    assert_eq!(asked["kind"]["kind"], "PodExecOptions");
}

/// The last question on behalf of the stories' caller: the cluster's own components write too.
fn asked_for_admin(stage: &Stage) -> Value {
    let groups = |asked: &Value| asked["userInfo"]["groups"].as_array().cloned().unwrap_or_default();
    let asked = stage.webhook.asked().into_iter().rfind(|asked| groups(asked).contains(&json!("system:masters")));
    asked.expect("the webhook was asked")
}

async fn another_version_is_shown_where_the_rule_names_it(stage: &Stage) {
    let namespace = "versions";
    stage.namespace(namespace).await;
    let rules = json!([{"operations": ["CREATE"], "apiGroups": ["autoscaling"], "apiVersions": ["v1"], "resources": ["horizontalpodautoscalers"]}]);
    stage.validating(namespace, vec![stage.hook(namespace, "old", json!({"rules": rules}))]).await;
    stage.webhook.answers(|_, _| Reply::Response(json!({"allowed": true})));
    let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}});
    let spec = json!({"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}, "maxReplicas": 3, "metrics": [cpu]});
    let path = format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers");
    let (code, body) = stage.create(&path, json!({"metadata": {"name": "h"}, "spec": spec})).await;
    assert_eq!(code, 201, "{body}");
    let asked = stage.webhook.asked().pop().unwrap();
    assert_eq!((&asked["kind"]["version"], &asked["requestKind"]["version"]), (&json!("v1"), &json!("v2")));
    assert_eq!(asked["object"]["apiVersion"], "autoscaling/v1");
    assert_eq!(asked["object"]["spec"]["targetCPUUtilizationPercentage"], 70);
}

async fn conditions_choose_among_requests(stage: &Stage) {
    let namespace = "chosen";
    stage.namespace(namespace).await;
    let condition = |name: &str, expression: &str| json!({"name": name, "expression": expression});
    let conditions = json!([
        condition("not-exempt", "object.metadata.name != 'exempt'"),
        condition("may", "authorizer.group('').resource('secrets').check('delete').allowed()"),
        condition("sized", "object.data.k == 'v'")
    ]);
    let hooks = ["Fail", "Ignore"].map(|policy| {
        let more = json!({"failurePolicy": policy, "matchConditions": conditions});
        stage.hook(namespace, &policy.to_lowercase(), more)
    });
    stage.validating(namespace, hooks.to_vec()).await;
    stage.webhook.answers(|_, _| Reply::Response(json!({"allowed": true})));
    assert_eq!(stage.config_map(namespace, "exempt").await.0, 201);
    assert_eq!(stage.webhook.asked().len(), 0);
    assert_eq!(stage.config_map(namespace, "meant").await.0, 201);
    assert_eq!(stage.webhook.asked().len(), 2);
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let (code, body) = stage.create(&path, json!({"metadata": {"name": "no-data"}})).await;
    assert_eq!(code, 403, "{body}");
    assert!(body["message"].as_str().unwrap().contains("match condition 'sized': no such key"), "{body}");
    let bad = stage.hook(
        namespace,
        "bad",
        json!({"matchConditions": [condition("a", "object.metadata.name"), condition("a", "nobody.knows")]}),
    );
    let path = format!("{}/validatingwebhookconfigurations", super::CONFIGURATIONS);
    let (code, body) = stage.create(&path, json!({"metadata": {"name": "bad"}, "webhooks": [bad]})).await;
    assert_eq!(code, 422, "{body}");
    for words in ["Duplicate value: \"a\"", "compilation failed", "undeclared reference"] {
        assert!(body["message"].as_str().unwrap().contains(words), "{words}: {body}");
    }
}

/// Whoever locks everybody out must be able to undo it.
async fn configurations_are_never_asked_about(stage: &Stage) {
    let all = json!([{"operations": ["*"], "apiGroups": ["admissionregistration.k8s.io"], "apiVersions": ["*"], "resources": ["*/*"]}]);
    stage.validating("tyrant", vec![stage.hook("tyrant", "no", json!({"rules": all, "namespaceSelector": {}}))]).await;
    stage.webhook.answers(|_, _| Reply::Response(json!({"allowed": false})));
    let path = format!("{}/validatingwebhookconfigurations/tyrant", super::CONFIGURATIONS);
    assert_eq!(stage.send("DELETE", &path, json!({})).await.0, 200);
    assert_eq!(stage.webhook.asked().len(), 0);
}

async fn a_bad_configuration_is_told_everything(stage: &Stage) {
    let hook = json!({"name": "short.name", "sideEffects": "Some", "admissionReviewVersions": ["v1", "v1"], "timeoutSeconds": 31,
        "clientConfig": {"url": "http://me@host/?q#f"}});
    let path = format!("{}/validatingwebhookconfigurations", super::CONFIGURATIONS);
    let (code, body) = stage.create(&path, json!({"metadata": {"name": "bad"}, "webhooks": [hook]})).await;
    assert_eq!(code, 422);
    for words in [
        "at least three segments",
        "supported values: \"None\"",
        "between 1 and 30",
        "Duplicate value",
        "'https' is the only",
        "user information",
        "query parameters",
        "fragments",
    ] {
        assert!(body["message"].as_str().unwrap().contains(words), "{words}: {body}");
    }
}
