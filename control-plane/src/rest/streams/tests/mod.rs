//! Streams end to end: real clients against a server of this process, with a node that runs commands on this machine.

mod clients;
mod kubectl;
mod node;

use std::sync::Arc;

use axum::extract::Request;
use serde_json::json;
use tokio::net::TcpListener;
use xebec_api::Subresource;

use crate::authn::User;
use crate::registry::testing::{Fixture, target};
use crate::rest::router;
use crate::rest::tests::state;
use node::LocalNode;

/// A server with a running pod `p` that has one container.
struct Server {
    address: String,
}

impl Server {
    async fn start(user: &str) -> Server {
        let fixture = Fixture::new().await;
        let pod = target("pods", Some("default"), "p");
        fixture.create(&pod, json!({"spec": {"containers": [{"name": "app", "image": "shop:1"}]}})).await.unwrap();
        let bind = json!({"target": {"kind": "Node", "name": "n1"}});
        fixture.create(&pod.clone().subresource(Subresource::Binding), bind).await.unwrap();
        let running = json!({"status": {"phase": "Running", "containerStatuses": [{
            "name": "app", "image": "shop:1", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {}}}]}});
        let mut whole = fixture.cache.get(pod.kind, Some("default"), "p").unwrap().to_value();
        whole["status"] = running["status"].clone();
        fixture.update(&pod.subresource(Subresource::Status), whole).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = state(&fixture, Arc::new(LocalNode));
        let user = Arc::new(User::new(user, []));
        let know = move |mut request: Request| {
            request.extensions_mut().insert(user.clone());
            std::future::ready(request)
        };
        let app = router(state).layer(axum::middleware::map_request(know));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Server { address }
    }
}

/// Bytes that are easily recognised when they are mixed up.
fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let mut byte = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed.to_be_bytes()[0]
    };
    (0..length).map(|_| byte()).collect()
}
