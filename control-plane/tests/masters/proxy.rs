//! What a pod serves, seen through a master.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::Request;
use serde_json::json;
use tokio::net::TcpListener;
use xebec_control_plane::server::Master;

use crate::fake_node::FakeNode;
use crate::support::*;

async fn page(request: Request) -> String {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    format!("{} {} {}", parts.method, parts.uri, String::from_utf8_lossy(&body))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_and_services_are_reached_through_the_nodes_session() {
    let dir = tempfile::tempdir().unwrap();
    let master = Master::start(first(dir.path(), "m1")).await.unwrap();
    ready(&master).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(page)).await });
    let node = FakeNode::join(&master, "n1", BTreeMap::from([(("web".to_owned(), 8080), port)])).await;
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
        "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": "web:1"}]},
    });
    create_soon(&master, "/api/v1/namespaces/default/pods", pod).await;
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    });
    create_soon(&master, "/api/v1/namespaces/default/services", service).await;
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}],
        "endpoints": [{"addresses": ["10.42.0.9"], "targetRef": {"kind": "Pod", "name": "web"}}],
    });
    create_soon(&master, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice).await;
    let base = "/api/v1/namespaces/default/services/web:80/proxy";
    let (code, said) = rest(&master, &admin(&master), "POST", &format!("{base}/a?b=c"), Some(json!({"x": 1}))).await;
    assert_eq!((code, said), (200, json!("POST /a?b=c {\"x\":1}")));
    assert_eq!(get(&master, &node.tls, &format!("{base}/")).await.0, 403);
    drop(node);
    let gone = eventually("the node is gone", async || {
        let (code, status) = get(&master, &admin(&master), &format!("{base}/")).await;
        (code == 503).then_some(status)
    })
    .await;
    assert_eq!(gone["reason"], "ServiceUnavailable");
    master.shutdown().await;
}
