//! Webhooks that do not answer as they should, and what their failure policy makes of it.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Stage;
use super::server::Reply;

pub(crate) async fn play(stage: &Stage) {
    what_is_no_answer_fails_or_is_passed_over(stage).await;
    who_is_not_trusted_is_not_asked(stage).await;
    addresses_of_the_link_are_not_dialled(stage).await;
    a_silent_webhook_holds_nobody_else_up(stage).await;
}

async fn what_is_no_answer_fails_or_is_passed_over(stage: &Stage) {
    let namespace = "broken";
    stage.namespace(namespace).await;
    let strict = stage.hook(namespace, "strict", json!({"timeoutSeconds": 1}));
    let lenient = stage.hook(namespace, "lenient", json!({"timeoutSeconds": 1, "failurePolicy": "Ignore"}));
    let review = |uid: &str| json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": {"uid": uid, "allowed": true}});
    let broken: [(&str, Reply, &str); 8] = [
        ("silence", Reply::Silence(Duration::from_secs(20)), "context deadline exceeded"),
        ("redirect", Reply::Code(302, "https://169.254.169.254/"), "redirect (302)"),
        ("error", Reply::Code(503, ""), "status code 503"),
        ("flood", Reply::Bytes(16 << 20), "the answer is larger than"),
        ("other uid", Reply::Document(review("other")), "expected response.uid="),
        (
            "no review",
            Reply::Document(json!({"response": {"allowed": true}})),
            "expected webhook response of admission.k8s.io/v1",
        ),
        ("no json", Reply::Bytes(10), "cannot be decoded"),
        (
            "half a patch",
            Reply::Response(json!({"allowed": true, "patch": STANDARD.encode("[]")})),
            "but not response.patchType",
        ),
    ];
    for (index, (what, reply, why)) in broken.into_iter().enumerate() {
        stage.mutating("broken", vec![strict.clone()]).await;
        let told = reply.clone();
        stage.webhook.answers(move |_, _| told.clone());
        let begun = Instant::now();
        let name = format!("a-{index}");
        let (code, body) = stage.config_map(namespace, &name).await;
        let message = body["message"].as_str().unwrap();
        assert_eq!(code, 500, "{what}: {body}");
        assert!(
            message.starts_with("Internal error occurred: failed calling webhook \"strict.broken.example.com\": "),
            "{what}: {message}"
        );
        assert!(message.contains(why), "{what}: {message}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}: {:?}", begun.elapsed());
        remove(stage, "broken").await;
        stage.mutating("broken", vec![lenient.clone()]).await;
        let (code, body) = stage.config_map(namespace, &name).await;
        assert_eq!(code, 201, "{what}: {body}");
        remove(stage, "broken").await;
    }
    let counted = r#"apiserver_admission_webhook_fail_open_count{name="lenient.broken.example.com",type="admit"} "#;
    assert!(stage.metrics().await.contains(counted));
}

async fn remove(stage: &Stage, name: &str) {
    let path = format!("{}/mutatingwebhookconfigurations/{name}", super::CONFIGURATIONS);
    assert_eq!(stage.send("DELETE", &path, json!({})).await.0, 200);
}

async fn refused_by(stage: &Stage, namespace: &str, client: Value) -> String {
    stage.namespace(namespace).await;
    stage
        .validating(namespace, vec![stage.hook(namespace, "far", json!({"clientConfig": client, "timeoutSeconds": 3}))])
        .await;
    let (code, body) = stage.config_map(namespace, "a").await;
    assert_eq!(code, 500, "{body}");
    body["message"].as_str().unwrap().to_owned()
}

async fn who_is_not_trusted_is_not_asked(stage: &Stage) {
    stage.webhook.answers(|_, _| Reply::Response(json!({"allowed": true})));
    let stranger = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let mut client = stage.webhook.client_config("x");
    client["caBundle"] = json!(STANDARD.encode(stranger.cert.pem()));
    let message = refused_by(stage, "stranger", client.clone()).await;
    assert!(message.contains("TLS handshake"), "{message}");
    client.as_object_mut().unwrap().remove("caBundle");
    let message = refused_by(stage, "unknown", client.clone()).await;
    assert!(message.contains("TLS handshake") || message.contains("root certificates"), "{message}");
    client["caBundle"] = json!(STANDARD.encode("no certificate"));
    let message = refused_by(stage, "bundle", client.clone()).await;
    assert!(message.contains("unable to load root certificates"), "{message}");
    let url = client["url"].as_str().unwrap().replace("127.0.0.1", "localhost");
    let message =
        refused_by(stage, "renamed", json!({"url": url, "caBundle": stage.webhook.client_config("x")["caBundle"]}))
            .await;
    assert!(message.contains("not valid for name"), "{message}");
    let service = json!({"service": {"namespace": "unknown", "name": "nobody"}});
    let message = refused_by(stage, "service", service).await;
    assert!(message.contains("service \"unknown/nobody\" not found"), "{message}");
    assert_eq!(stage.webhook.asked().len(), 0);
}

async fn addresses_of_the_link_are_not_dialled(stage: &Stage) {
    for (namespace, host) in
        [("metadata", "169.254.169.254"), ("mapped", "[::ffff:169.254.169.254]"), ("everywhere", "0.0.0.0")]
    {
        let message = refused_by(stage, namespace, json!({"url": format!("https://{host}/")})).await;
        assert!(message.contains("must not be dialled"), "{message}");
    }
}

async fn a_silent_webhook_holds_nobody_else_up(stage: &Stage) {
    stage.namespace("silent").await;
    stage.namespace("lively").await;
    stage.validating("silent", vec![stage.hook("silent", "silent", json!({"timeoutSeconds": 5}))]).await;
    stage.webhook.answers(|_, _| Reply::Silence(Duration::from_secs(20)));
    let waiting = stage.config_map("silent", "a");
    let passing = async {
        let begun = Instant::now();
        assert_eq!(stage.config_map("lively", "a").await.0, 201);
        begun.elapsed()
    };
    let ((code, _), passed) = tokio::join!(waiting, passing);
    assert_eq!(code, 500);
    assert!(passed < Duration::from_secs(4), "{passed:?}");
}
