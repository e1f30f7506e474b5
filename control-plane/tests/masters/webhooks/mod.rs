//! Webhooks on a real master, asked over real HTTPS: each story has a namespace and a configuration of its own, so that no other
//! story's requests are its business.

mod converting;
mod failing;
mod mutating;
mod server;
mod validating;

use std::sync::Arc;

use rustls::ClientConfig;
use serde_json::{Value, json};
use xebec_control_plane::server::Master;

use crate::support::*;
use server::Webhook;

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1";

/// A master, a caller who may do everything, and a server.
pub(crate) struct Stage {
    master: Master,
    admin: Arc<ClientConfig>,
    webhook: Webhook,
    dir: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let master = Master::start(first(dir.path(), "m1")).await.unwrap();
        ready(&master).await;
        let admin = admin(&master);
        Stage { master, admin, webhook: Webhook::start().await, dir }
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        rest(&self.master, &self.admin, method, path, Some(body)).await
    }

    async fn create(&self, path: &str, body: Value) -> (u16, Value) {
        self.send("POST", path, body).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        get(&self.master, &self.admin, path).await
    }

    /// A namespace that webhooks of its name are about.
    async fn namespace(&self, name: &str) {
        let (code, body) = self.create("/api/v1/namespaces", json!({"metadata": {"name": name}})).await;
        assert_eq!(code, 201, "{body}");
    }

    /// A webhook that is asked, under its name, about all writes of the namespace; `more` is laid over it.
    fn hook(&self, namespace: &str, name: &str, more: Value) -> Value {
        let mut hook = json!({
            "name": format!("{name}.{namespace}.example.com"),
            "clientConfig": self.webhook.client_config(name),
            "rules": [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["configmaps"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 5,
        });
        let (Value::Object(hook_fields), Value::Object(more)) = (&mut hook, more) else { panic!("objects") };
        hook_fields.extend(more);
        hook
    }

    async fn configure(&self, plural: &str, name: &str, hooks: Vec<Value>) {
        let configuration = json!({"metadata": {"name": name}, "webhooks": hooks});
        let (code, body) = self.create(&format!("{CONFIGURATIONS}/{plural}"), configuration).await;
        assert_eq!(code, 201, "{body}");
    }

    async fn validating(&self, name: &str, hooks: Vec<Value>) {
        self.configure("validatingwebhookconfigurations", name, hooks).await;
    }

    async fn mutating(&self, name: &str, hooks: Vec<Value>) {
        self.configure("mutatingwebhookconfigurations", name, hooks).await;
    }

    /// A ConfigMap in the namespace.
    async fn config_map(&self, namespace: &str, name: &str) -> (u16, Value) {
        self.create(&format!("/api/v1/namespaces/{namespace}/configmaps"), config_map(name)).await
    }

    async fn metrics(&self) -> String {
        self.get("/metrics").await.1.as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_are_asked_about_writes() {
    let stage = Stage::new().await;
    validating::play(&stage).await;
    mutating::play(&stage).await;
    failing::play(&stage).await;
    converting::play(&stage).await;
    stage.master.shutdown().await;
}
