//! Admission policies, as clients see them: what they refuse, what they change, and that they can be taken away again.

use serde_json::json;

use super::kubectl::Kubectl;
use super::*;

const JSON: (&str, &str) = ("content-type", "application/json");
const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");
const GROUP: &str = "/apis/admissionregistration.k8s.io";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// Everything that is done to ConfigMaps.
fn about_maps() -> Value {
    json!({"resourceRules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}]})
}

/// Puts a policy into force, bound by `binding`.
async fn enforce(app: &Router, name: &str, spec: Value, binding: Value) {
    let (version, kind, plural) = match spec.get("mutations") {
        Some(_) => ("v1beta1", "MutatingAdmissionPolicy", "mutatingadmissionpolic"),
        None => ("v1", "ValidatingAdmissionPolicy", "validatingadmissionpolic"),
    };
    let mut spec = spec;
    spec["matchConstraints"] = spec.get("matchConstraints").cloned().unwrap_or_else(about_maps);
    let mut binding = binding;
    binding["policyName"] = json!(name);
    if version == "v1" && binding.get("validationActions").is_none() {
        binding["validationActions"] = json!(["Deny"]);
    }
    let api_version = format!("admissionregistration.k8s.io/{version}");
    let policy = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec});
    let (code, made) = call(app, "POST", &format!("{GROUP}/{version}/{plural}ies"), &[JSON], policy.to_string()).await;
    assert_eq!(code, 201, "{made}");
    let kind = format!("{kind}Binding");
    let binding = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": binding});
    let path = format!("{GROUP}/{version}/{plural}ybindings");
    let (code, made) = call(app, "POST", &path, &[JSON], binding.to_string()).await;
    assert_eq!(code, 201, "{made}");
}

fn validation(expression: &str) -> Value {
    json!({"validations": [{"expression": expression}]})
}

fn map(name: &str, data: Value) -> String {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}).to_string()
}

async fn create(app: &Router, name: &str, data: Value) -> (u16, Value) {
    call(app, "POST", MAPS, &[JSON], map(name, data)).await
}

/// The message of the refusal of a ConfigMap.
async fn refused(app: &Router, name: &str, data: Value) -> String {
    let (code, answer) = create(app, name, data).await;
    assert_eq!(code, 422, "{answer}");
    answer["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_policy_refuses_what_is_not_true() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let spec = json!({
        "variables": [{"name": "size", "expression": "size(object.data)"}, {"name": "large", "expression": "variables.size > 2"}],
        "validations": [
            {"expression": "!variables.large", "messageExpression": "'there are ' + string(variables.size)"},
            {"expression": "!has(object.data.secret)", "message": "no secrets", "reason": "Forbidden"},
        ],
    });
    enforce(&app, "small", spec, json!({})).await;
    assert_eq!(create(&app, "good", json!({"a": "1"})).await.0, 201);
    assert_eq!(
        refused(&app, "bad", json!({"a": "1", "b": "2", "c": "3"})).await,
        "configmaps \"bad\" is forbidden: ValidatingAdmissionPolicy 'small' with binding 'small' denied request: there are 3"
    );
    let (code, answer) = create(&app, "bad", json!({"secret": "1"})).await;
    assert_eq!((code, &answer["reason"]), (403, &json!("Forbidden")), "{answer}");
    let cause = &answer["details"]["causes"][0]["message"];
    assert_eq!(cause, "ValidatingAdmissionPolicy 'small' with binding 'small' denied request: no secrets");
    let (code, _) = call(&app, "PATCH", &format!("{MAPS}/good"), &[MERGE], r#"{"data": {"b": "2", "c": "3"}}"#).await;
    assert_eq!(code, 422, "an update is judged as well");
    let (code, _) = call(
        &app,
        "POST",
        "/api/v1/namespaces/default/secrets",
        &[JSON],
        json!({"metadata": {"name": "s"}}).to_string(),
    )
    .await;
    assert_eq!(code, 201, "it is about ConfigMaps only");
}

#[tokio::test]
async fn what_fails_refuses_unless_the_policy_ignores_it() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let mut spec = validation("object.data.missing == 'x'");
    spec["failurePolicy"] = json!("Ignore");
    enforce(&app, "lenient", spec, json!({})).await;
    assert_eq!(create(&app, "a", json!({})).await.0, 201);
    enforce(&app, "strict", validation("object.data.missing == 'x'"), json!({})).await;
    let message = refused(&app, "b", json!({"a": "1"})).await;
    assert!(
        message.ends_with("expression 'object.data.missing == 'x'' resulted in error: no such key: missing"),
        "{message}"
    );
}

#[tokio::test]
async fn a_policy_that_never_ends_is_ended() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let many = "[1,2,3,4,5,6,7,8,9,10]";
    let forever = format!(
        "{many}.all(a, {many}.all(b, {many}.all(c, {many}.all(d, {many}.all(e, {many}.all(f, {many}.all(g, true)))))))"
    );
    enforce(&app, "forever", validation(&forever), json!({})).await;
    let message = refused(&app, "a", json!({})).await;
    assert!(message.contains("call cost exceeds limit"), "{message}");
}

#[tokio::test]
async fn expressions_see_the_request_its_namespace_and_who_may_do_what() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let expression = "request.userInfo.username == 'jane' && request.operation == 'CREATE' && request.resource.resource == 'configmaps' \
        && request.namespace == 'default' && request.name == object.metadata.name && request.dryRun == false && oldObject == null \
        && namespaceObject.metadata.name == 'default' && namespaceObject.status.phase == 'Active' \
        && authorizer.group('').resource('pods').namespace('default').check('get').allowed() \
        && authorizer.requestResource.check('delete').allowed()";
    enforce(&app, "all", validation(expression), json!({})).await;
    let (code, answer) = create(&app, "a", json!({})).await;
    assert_eq!(code, 201, "{answer}");
    let conditions = json!({
        "matchConditions": [{"name": "not-kept", "expression": "request.operation != 'DELETE' || !has(oldObject.metadata.labels)"}],
        "validations": [{"expression": "request.operation != 'DELETE'", "message": "stays"}],
        "matchConstraints": {"resourceRules": [{"operations": ["DELETE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}]},
    });
    call(&app, "DELETE", &format!("{GROUP}/v1/validatingadmissionpolicybindings/all"), &[], "").await;
    enforce(&app, "stay", conditions, json!({})).await;
    assert_eq!(call(&app, "DELETE", &format!("{MAPS}/a"), &[], "").await.0, 422);
    call(&app, "PATCH", &format!("{MAPS}/a"), &[MERGE], r#"{"metadata": {"labels": {"a": "b"}}}"#).await;
    assert_eq!(call(&app, "DELETE", &format!("{MAPS}/a"), &[], "").await.0, 200);
}

#[tokio::test]
async fn findings_may_only_warn() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let mut spec = validation("false");
    spec["validations"][0]["message"] = json!("think again");
    enforce(&app, "soft", spec, json!({"validationActions": ["Warn", "Audit"]})).await;
    let (response, _) = raw(&app, "POST", MAPS, &[JSON], map("a", json!({}))).await;
    assert_eq!(response.status(), 201);
    let warning = response.headers()["warning"].to_str().unwrap();
    assert!(
        warning.contains("Validation failed for ValidatingAdmissionPolicy 'soft' with binding 'soft': think again"),
        "{warning}"
    );
}

#[tokio::test]
async fn parameters_are_named_or_selected() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let spec = json!({
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConditions": [{"name": "no-limits", "expression": "object.metadata.name.startsWith('m')"}],
        "validations": [{"expression": "size(object.data) <= int(params.data.most)", "messageExpression": "'at most ' + params.data.most"}],
    });
    let named = json!({"paramRef": {"name": "limits", "parameterNotFoundAction": "Deny"}});
    enforce(&app, "named", spec.clone(), named).await;
    let two = json!({"a": "1", "b": "2"});
    let message = refused(&app, "m", two.clone()).await;
    assert!(message.ends_with("no params found for policy binding with `Deny` parameterNotFoundAction"), "{message}");
    call(&app, "DELETE", &format!("{GROUP}/v1/validatingadmissionpolicybindings/named"), &[], "").await;
    assert_eq!(create(&app, "limits", json!({"most": "1"})).await.0, 201);

    let selected = json!({"paramRef": {"selector": {"matchLabels": {"limits": "yes"}}, "namespace": "default", "parameterNotFoundAction": "Allow"}});
    enforce(&app, "selected", spec, selected).await;
    assert_eq!(create(&app, "m1", two.clone()).await.0, 201, "nothing is selected, and that is allowed");
    call(&app, "PATCH", &format!("{MAPS}/limits"), &[MERGE], r#"{"metadata": {"labels": {"limits": "yes"}}}"#).await;
    let message = refused(&app, "m2", two.clone()).await;
    assert!(message.ends_with("denied request: at most 1"), "{message}");
    call(&app, "PATCH", &format!("{MAPS}/limits"), &[MERGE], r#"{"data": {"most": "2"}}"#).await;
    assert_eq!(create(&app, "m2", two).await.0, 201, "changed parameters count at once");
}

#[tokio::test]
async fn what_is_wrong_with_an_expression_is_told_with_the_policy() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let path = format!("{GROUP}/v1/validatingadmissionpolicies");
    let table = [
        (json!({"validations": [{"expression": "object."}]}), "spec.validations[0].expression"),
        (json!({"validations": [{"expression": "1 + 1"}]}), "spec.validations[0].expression"),
        (json!({"validations": [{"expression": "params.x"}]}), "spec.validations[0].expression"),
        (json!({"validations": [{"expression": "request.nonsense == ''"}]}), "spec.validations[0].expression"),
        (
            json!({"validations": [{"expression": "true", "messageExpression": "1"}]}),
            "spec.validations[0].messageExpression",
        ),
        (
            json!({"validations": [{"expression": "variables.b"}], "variables": [{"name": "a", "expression": "true"}]}),
            "spec.validations[0].expression",
        ),
        (
            json!({"validations": [{"expression": "true"}], "variables": [{"name": "a-b", "expression": "1"}]}),
            "spec.variables[0].name",
        ),
        (
            json!({"validations": [{"expression": "true"}], "matchConditions": [{"name": "a", "expression": "'x'"}]}),
            "spec.matchConditions[0].expression",
        ),
        (
            json!({"auditAnnotations": [{"key": "a", "valueExpression": "1"}]}),
            "spec.auditAnnotations[0].valueExpression",
        ),
    ];
    for (mut spec, field) in table {
        spec["matchConstraints"] = about_maps();
        let policy = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "p"}, "spec": spec});
        let (code, answer) = call(&app, "POST", &path, &[JSON], policy.to_string()).await;
        assert_eq!(code, 422, "{answer}");
        assert_eq!(answer["details"]["causes"][0]["field"], field, "{answer}");
    }
}

#[tokio::test]
async fn a_policy_that_refuses_everything_can_be_taken_away() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let mut spec = validation("false");
    spec["matchConstraints"] = json!({"resourceRules": [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}]});
    enforce(&app, "nothing", spec, json!({})).await;
    assert_eq!(create(&app, "a", json!({})).await.0, 422);
    assert_eq!(
        call(&app, "DELETE", &format!("{GROUP}/v1/validatingadmissionpolicybindings/nothing"), &[], "").await.0,
        200
    );
    assert_eq!(create(&app, "a", json!({})).await.0, 201);
}

#[tokio::test]
async fn a_policy_changes_objects_before_they_are_judged() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let labels = json!({
        "reinvocationPolicy": "IfNeeded",
        "variables": [{"name": "keys", "expression": "has(object.data) ? size(object.data) : 0"}],
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression":
            "Object{metadata: Object.metadata{labels: Object.metadata.labels{keys: string(variables.keys)}}}"}}],
    });
    enforce(&app, "a-labels", labels, json!({})).await;
    let fills = json!({
        "matchConditions": [{"name": "not-yet", "expression": "!has(object.data) || !has(object.data.added)"}],
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression":
            "[JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('added'), value: 'yes'}, JSONPatch{op: 'test', path: '/data/added', value: 'yes'}]"}}],
    });
    enforce(&app, "b-fills", fills, json!({})).await;
    enforce(&app, "judge", validation("object.data.added == 'yes' && object.metadata.labels.keys == '2'"), json!({}))
        .await;
    let (code, made) = create(&app, "a", json!({"k": "v"})).await;
    assert_eq!(code, 201, "{made}");
    assert_eq!(made["data"], json!({"k": "v", "added": "yes"}));
    assert_eq!(made["metadata"]["labels"], json!({"keys": "2"}), "the first has run again after the second");
    assert_eq!(made["metadata"]["managedFields"][0]["manager"], "unknown");
}

#[tokio::test]
async fn a_change_that_cannot_be_made_refuses_unless_the_policy_ignores_it() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let spec = |failure: &str| json!({"failurePolicy": failure, "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'remove', path: '/data/absent'}]"}}]});
    enforce(&app, "ignores", spec("Ignore"), json!({})).await;
    assert_eq!(create(&app, "a", json!({})).await.0, 201);
    enforce(&app, "fails", spec("Fail"), json!({})).await;
    let (code, answer) = create(&app, "b", json!({})).await;
    assert_eq!(code, 403, "{answer}");
    assert!(
        answer["message"].as_str().unwrap().contains("policy 'fails' with binding 'fails' denied request"),
        "{answer}"
    );
    let path = format!("{GROUP}/v1beta1/mutatingadmissionpolicies");
    let bad = json!({"matchConstraints": about_maps(), "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{spec: Object.status{}}"}}]});
    let policy = json!({"apiVersion": "admissionregistration.k8s.io/v1beta1", "kind": "MutatingAdmissionPolicy", "metadata": {"name": "p"}, "spec": bad});
    let (code, answer) = call(&app, "POST", &path, &[JSON], policy.to_string()).await;
    assert_eq!(
        (code, &answer["details"]["causes"][0]["field"]),
        (422, &json!("spec.mutations[0].applyConfiguration.expression")),
        "{answer}"
    );
}

#[tokio::test]
async fn kubectl_works_with_policies() {
    let k = Kubectl::start().await;
    let policy = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: few-replicas}
spec:
  matchConstraints:
    resourceRules: [{operations: [CREATE, UPDATE], apiGroups: [apps], apiVersions: [v1], resources: [deployments]}]
  validations: [{expression: object.spec.replicas <= 2, message: too many replicas}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: few-replicas}
spec: {policyName: few-replicas, validationActions: [Deny]}
"#;
    assert!(
        k.run("apply -f -", policy)
            .await
            .contains("validatingadmissionpolicybinding.admissionregistration.k8s.io/few-replicas created")
    );
    assert!(k.run("get validatingadmissionpolicies", "").await.contains("few-replicas   1"));
    assert!(k.run("create deployment web --image=shop:1 --replicas=2", "").await.contains("created"));
    let (ok, text) = k.attempt("scale deployment web --replicas=3", "").await;
    assert!(ok, "a scale is a resource of its own, which the policy does not name: {text}");
    let (ok, text) = k.attempt("create deployment more --image=shop:1 --replicas=3", "").await;
    assert!(!ok && text.contains("denied request: too many replicas"), "{text}");
    assert!(k.run("delete -f -", policy).await.contains("deleted"));
    assert!(k.run("create deployment more --image=shop:1 --replicas=3", "").await.contains("created"));
}
