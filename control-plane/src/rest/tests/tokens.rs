//! Tokens of ServiceAccounts: asked for, looked at, published, and over when what they belong to is.

use serde_json::json;
use xebec_api::Subresource;

use super::*;
use crate::authn::service_account::ISSUER;
use crate::registry::testing::{cx, target};
use crate::registry::{DeleteOptions, WriteOptions};

const JSON: (&str, &str) = ("content-type", "application/json");
const TOKEN: &str = "/api/v1/namespaces/default/serviceaccounts/till/token";
const REVIEW: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

async fn fixture() -> (Fixture, Router) {
    let fixture = Fixture::new().await;
    fixture.create(&target("serviceaccounts", Some("default"), "till"), json!({})).await.unwrap();
    let pod = json!({"spec": {"serviceAccountName": "till", "containers": [{"name": "c", "image": "i"}]}});
    fixture.create(&target("pods", Some("default"), "p"), pod).await.unwrap();
    let app = app(&fixture, "jane");
    (fixture, app)
}

async fn ask(app: &Router, spec: Value) -> (u16, Value) {
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
    call(app, "POST", TOKEN, &[JSON], body.to_string()).await
}

async fn review(app: &Router, token: &Value, audiences: &[&str]) -> Value {
    let spec = json!({"token": token, "audiences": audiences});
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec});
    let (code, answer) = call(app, "POST", REVIEW, &[JSON], body.to_string()).await;
    assert_eq!(code, 201, "{answer}");
    answer["status"].clone()
}

fn to_pod() -> Value {
    json!({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p"}})
}

#[tokio::test]
async fn a_token_says_whose_it_is_until_when_and_for_whom() {
    let (_fixture, app) = fixture().await;
    let (code, answer) = ask(&app, json!({"expirationSeconds": 600})).await;
    assert_eq!(code, 201, "{answer}");
    assert_eq!((&answer["kind"], &answer["metadata"]["name"]), (&json!("TokenRequest"), &json!("till")));
    assert_eq!(answer["spec"], json!({"audiences": [ISSUER], "expirationSeconds": 600}));
    assert_eq!(answer["status"]["expirationTimestamp"], "2030-01-01T00:10:00Z");
    let status = review(&app, &answer["status"]["token"], &[]).await;
    assert_eq!((&status["authenticated"], &status["audiences"]), (&json!(true), &json!([ISSUER])));
    assert_eq!(status["user"]["username"], "system:serviceaccount:default:till");
    let groups = ["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:default"];
    assert_eq!(status["user"]["groups"], json!(groups));
    let other = review(&app, &answer["status"]["token"], &["vault"]).await;
    assert_eq!(other["authenticated"], Value::Null);
    assert!(other["error"].as_str().unwrap().contains("audiences"), "{other}");
}

#[tokio::test]
async fn a_token_ends_with_its_pod_and_with_its_account() {
    let (fixture, app) = fixture().await;
    let bound = ask(&app, to_pod()).await.1["status"]["token"].clone();
    let free = ask(&app, json!({})).await.1["status"]["token"].clone();
    let status = review(&app, &bound, &[]).await;
    assert_eq!(status["user"]["extra"]["authentication.kubernetes.io/pod-name"], json!(["p"]));
    let good = async |token| review(&app, token, &[]).await["authenticated"] == true;
    let delete = async |plural, name| {
        let target = target(plural, Some("default"), name);
        fixture.registry.delete(&cx(), &target, &DeleteOptions::default()).await.unwrap();
    };
    delete("pods", "p").await;
    assert!(!good(&bound).await && good(&free).await);
    delete("serviceaccounts", "till").await;
    fixture.create(&target("serviceaccounts", Some("default"), "till"), json!({})).await.unwrap();
    assert!(!good(&free).await);
}

#[tokio::test]
async fn what_cannot_be_had_is_refused_with_a_reason() {
    let (fixture, app) = fixture().await;
    let bind = |kind: &str, name: &str, uid: &str| json!({"boundObjectRef": {"kind": kind, "apiVersion": "v1", "name": name, "uid": uid}});
    for (spec, code, says) in [
        (json!({"expirationSeconds": 10}), 422, "less than 10 minutes"),
        (bind("Pod", "q", ""), 404, "pods \"q\" not found"),
        (bind("Pod", "p", "another"), 409, "does not match the UID in record"),
        (bind("Service", "s", ""), 422, "spec.boundObjectRef.kind"),
        (json!({"audiences": 1}), 400, "cannot be read"),
    ] {
        let (found, answer) = ask(&app, spec.clone()).await;
        assert_eq!(found, code, "{spec}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(says), "{answer}");
    }
    fixture.create(&target("serviceaccounts", Some("default"), "other"), json!({})).await.unwrap();
    let other = target("serviceaccounts", Some("default"), "other").subresource(Subresource::Token);
    let foreign = fixture.registry.create(&cx(), &other, json!({"spec": to_pod()}), &WriteOptions::default()).await;
    assert!(foreign.unwrap_err().message.contains("different serviceaccount name"));
    let named = json!({"metadata": {"name": "till"}});
    assert_eq!(fixture.registry.create(&cx(), &other, named, &WriteOptions::default()).await.unwrap_err().code, 400);
    let missing = target("serviceaccounts", Some("default"), "missing").subresource(Subresource::Token);
    assert_eq!(
        fixture.registry.create(&cx(), &missing, json!({}), &WriteOptions::default()).await.unwrap_err().code,
        404
    );
    let nobody = super::app(&fixture, "nobody");
    assert_eq!(ask(&nobody, json!({})).await.0, 403);
}

#[tokio::test]
async fn others_find_the_key_that_verifies() {
    let (fixture, app) = fixture().await;
    let (code, document) = call(&app, "GET", "/.well-known/openid-configuration", &[], "").await;
    assert_eq!((code, &document["issuer"]), (200, &json!(ISSUER)));
    assert_eq!(document["jwks_uri"], "https://10.0.0.1:6443/openid/v1/jwks");
    let (response, keys) = raw(&app, "GET", "/openid/v1/jwks", &[], "").await;
    assert_eq!(response.headers()["content-type"], "application/jwk-set+json");
    let keys: Value = serde_json::from_slice(&keys).unwrap();
    assert_eq!(keys["keys"][0]["alg"], "ES256");
    assert_eq!(call(&super::app(&fixture, "nobody"), "GET", "/openid/v1/jwks", &[], "").await.0, 403);
}

#[tokio::test]
async fn a_bootstrap_token_makes_a_bootstrapper() {
    let (fixture, app) = fixture().await;
    fixture.create(&target("namespaces", None, "kube-system"), json!({})).await.unwrap();
    let secret = json!({"type": "bootstrap.kubernetes.io/token", "stringData": {
        "token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true",
    }});
    fixture.create(&target("secrets", Some("kube-system"), "bootstrap-token-abcdef"), secret).await.unwrap();
    let good = review(&app, &json!("abcdef.0123456789abcdef"), &[]).await;
    assert_eq!(good["user"]["username"], "system:bootstrap:abcdef");
    let bad = review(&app, &json!("abcdef.0123456789abcdeg"), &[]).await;
    assert_eq!(bad["authenticated"], Value::Null);
}

#[tokio::test]
async fn a_revoked_bootstrap_token_is_worth_nothing_even_while_its_secret_ends() {
    let (fixture, app) = fixture().await;
    fixture.create(&target("namespaces", None, "kube-system"), json!({})).await.unwrap();
    let secret = target("secrets", Some("kube-system"), "bootstrap-token-abcdef");
    let body = json!({
        "type": "bootstrap.kubernetes.io/token",
        "metadata": {"finalizers": ["example.com/wait"]},
        "stringData": {
            "token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true",
        },
    });
    fixture.create(&secret, body).await.unwrap();
    assert_eq!(review(&app, &json!("abcdef.0123456789abcdef"), &[]).await["authenticated"], true);
    fixture.registry.delete(&cx(), &secret, &DeleteOptions::default()).await.unwrap();
    assert_eq!(review(&app, &json!("abcdef.0123456789abcdef"), &[]).await["authenticated"], Value::Null);
}
