//! APIs that a server in the cluster serves, and what of it clients see.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::get as on_get;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use rcgen::{CertifiedKey, KeyPair};
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use xebec_control_plane::server::Master;
use xebec_proto::tls::{certificates, provider, roots};

use crate::fake_node::FakeNode;
use crate::support::*;

const SERVICES: &str = "/apis/apiregistration.k8s.io/v1/apiservices";
const SLICE: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/api-1";
const SHIPS: &str = "/apis/sea.example.com/v1/namespaces/default/ships";

/// Says who asks, as far as the caller says so.
async fn whoami(request: Request) -> String {
    let all = |name: &str| {
        let values = request.headers().get_all(name).iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    json!({
        "method": request.method().as_str(), "uri": request.uri().to_string(), "user": all("x-remote-user"),
        "groups": all("x-remote-group"), "authorization": all("authorization"), "host": all("host"),
    })
    .to_string()
}

async fn resources() -> String {
    let ship =
        json!({"name": "ships", "singularName": "ship", "namespaced": true, "kind": "Ship", "verbs": ["get", "list"]});
    let list = json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "sea.example.com/v1", "resources": [ship]});
    list.to_string()
}

async fn open_api() -> String {
    let own = json!({"serverRelativeURL": "/openapi/v3/apis/sea.example.com/v1?hash=1"});
    json!({"paths": {"apis/sea.example.com/v1": own}}).to_string()
}

/// A server that takes only callers whose certificate is of `proxy_ca`. Its port.
async fn server(certified: &CertifiedKey<KeyPair>, proxy_ca: &str) -> u16 {
    let trusted = roots(&certificates(proxy_ca.as_bytes()).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), provider()).build().unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let config = config.with_client_cert_verifier(verifier);
    let config = config.with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
    let app = Router::new().route("/apis/sea.example.com/v1", on_get(resources)).route("/openapi/v3", on_get(open_api));
    let app = app.fallback(whoami);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(app.clone()));
            tokio::spawn(converse(acceptor, tcp, service));
        }
    });
    port
}

async fn converse(acceptor: TlsAcceptor, tcp: TcpStream, service: TowerToHyperService<Router>) {
    let Ok(stream) = acceptor.accept(tcp).await else { return };
    let serving = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    drop(serving.serve_connection(TokioIo::new(stream), service).await);
}

/// As the admin; the answer must be a success.
async fn make(master: &Master, method: &str, path: &str, body: Value) -> Value {
    let (code, answer) = rest(master, &admin(master), method, path, Some(body)).await;
    assert!((200..300).contains(&code), "{method} {path}: {answer}");
    answer
}

async fn read(master: &Master, path: &str) -> (u16, Value) {
    get(master, &admin(master), path).await
}

fn slice(ready: bool) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "api-1", "labels": {"kubernetes.io/service-name": "api"}},
        "addressType": "IPv4", "ports": [{"name": "", "port": 8443}],
        "endpoints": [{
            "addresses": ["10.42.0.9"], "conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": "api"}}],
    })
}

/// Pod and Service `api` on the node.
async fn deploy(master: &Master) {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "api"},
        "spec": {"nodeName": "n1", "containers": [{"name": "api", "image": "api:1"}]},
    });
    create_soon(master, "/api/v1/namespaces/default/pods", pod).await;
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "api"}, "spec": {"ports": [{"port": 443, "targetPort": 8443}]}});
    make(master, "POST", "/api/v1/namespaces/default/services", service).await;
}

async fn available(master: &Master, name: &str, status: &str, reason: &str) {
    let mut last = Value::Null;
    let expected = json!([status, reason]);
    for _ in 0..500 {
        let (_, service) = read(master, &format!("{SERVICES}/{name}")).await;
        let condition = &service["status"]["conditions"][0];
        if json!([condition["status"], condition["reason"]]) == expected {
            return;
        }
        last = service;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{name} is not {expected}: {last}");
}

/// The version of the group in aggregated discovery.
async fn discovered(master: &Master) -> Option<Value> {
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let (parts, all) = exchange(master, &admin(master), "GET", "/apis", &[("accept", accept)], None).await;
    assert_eq!(parts.status, 200);
    let groups = all["items"].as_array().unwrap();
    assert!(groups.iter().any(|group| group["metadata"]["name"] == "apps"));
    let group = groups.iter().find(|group| group["metadata"]["name"] == "sea.example.com")?;
    Some(group["versions"][0].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_in_the_cluster_serves_a_part_of_the_api() {
    let dir = tempfile::tempdir().unwrap();
    let master = Master::start(first(dir.path(), "m1")).await.unwrap();
    ready(&master).await;
    let published = eventually("the ConfigMap", async || {
        let (code, map) =
            read(&master, "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication").await;
        (code == 200).then(|| map["data"].clone())
    })
    .await;
    let certified = rcgen::generate_simple_self_signed(vec!["api.default.svc".to_owned()]).unwrap();
    let port = server(&certified, published["requestheader-client-ca-file"].as_str().unwrap()).await;
    let ports = BTreeMap::from([(("api".to_owned(), 8443), port)]);
    let node = FakeNode::join(&master, "n1", ports).await;
    register(&master, &certified).await;
    callers_are_named(&master, &node).await;
    a_server_that_is_gone_breaks_nothing_else(&master).await;
    drop(node);
    master.shutdown().await;
}

/// From an APIService without a Service to one that is available.
async fn register(master: &Master, certified: &CertifiedKey<KeyPair>) {
    use base64::Engine;
    let bundle = base64::engine::general_purpose::STANDARD.encode(certified.cert.pem());
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1.sea.example.com"},
        "spec": {
            "group": "sea.example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10, "caBundle": bundle,
            "service": {"namespace": "default", "name": "api"}},
    });
    make(master, "POST", SERVICES, service).await;
    available(master, "v1.sea.example.com", "False", "ServiceNotFound").await;
    deploy(master).await;
    make(master, "POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice(true)).await;
    available(master, "v1.sea.example.com", "True", "Passed").await;
}

async fn callers_are_named(master: &Master, node: &FakeNode) {
    let (code, said) = read(master, &format!("{SHIPS}?limit=5")).await;
    assert_eq!(code, 200, "{said}");
    assert_eq!(said["uri"], format!("{SHIPS}?limit=5"));
    assert_eq!(said["host"], json!(["api.default.svc:443"]));
    assert_eq!(said["user"], json!(["kubernetes-admin"]));
    assert_eq!(said["groups"], json!(["system:authenticated", "system:masters"]));
    assert_eq!(get(master, &node.tls, SHIPS).await.0, 403, "authorization is ours");
    let (claim, path) = ([("x-remote-user", "somebody")], format!("{SHIPS}/a/b/c"));
    let (_, said) = exchange(master, &admin(master), "DELETE", &path, &claim, None).await;
    assert_eq!(json!([said["method"], said["user"]]), json!(["DELETE", ["kubernetes-admin"]]));
    let version = discovered(master).await.unwrap();
    assert_eq!(json!([version["freshness"], version["resources"][0]["resource"]]), json!(["Current", "ships"]));
    let (_, groups) = read(master, "/apis").await;
    assert_eq!(groups["groups"].as_array().unwrap().last().unwrap()["name"], "sea.example.com");
    let (_, index) = read(master, "/openapi/v3").await;
    let document = index["paths"]["apis/sea.example.com/v1"]["serverRelativeURL"].as_str().unwrap().to_owned();
    assert_eq!(read(master, &document).await.1["uri"], document);
}

async fn a_server_that_is_gone_breaks_nothing_else(master: &Master) {
    make(master, "PUT", SLICE, slice(false)).await;
    available(master, "v1.sea.example.com", "False", "EndpointsNotFound").await;
    let (code, status) = read(master, SHIPS).await;
    assert_eq!((code, &status["reason"]), (503, &json!("ServiceUnavailable")));
    let version = discovered(master).await.unwrap();
    assert_eq!(json!([version["freshness"], version["resources"][0]["resource"]]), json!(["Stale", "ships"]));
    let (code, _) = rest(master, &admin(master), "DELETE", &format!("{SERVICES}/v1.sea.example.com"), None).await;
    assert_eq!(code, 200);
    eventually("the group goes", async || discovered(master).await.is_none().then_some(())).await;
    assert_eq!(read(master, SHIPS).await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_masters_serve_has_its_api_services() {
    let dir = tempfile::tempdir().unwrap();
    let master = Master::start(first(dir.path(), "m1")).await.unwrap();
    ready(&master).await;
    available(&master, "v1.", "True", "Local").await;
    available(&master, "v2.autoscaling", "True", "Local").await;
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "ships.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "ships", "kind": "Ship"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    make(&master, "POST", definitions, definition).await;
    available(&master, "v1.example.com", "True", "Local").await;
    let path = format!("{definitions}/ships.example.com");
    assert_eq!(rest(&master, &admin(&master), "DELETE", &path, None).await.0, 200);
    eventually("its APIService goes", async || {
        (read(&master, &format!("{SERVICES}/v1.example.com")).await.0 == 404).then_some(())
    })
    .await;
    master.shutdown().await;
}
