//! Masters on free ports of loopback, and clients for them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tonic::transport::Channel;
use xebec_control_plane::server::{Join, Master, ServerConfig};
use xebec_proto::dial::{Endpoint, dial};
use xebec_proto::tls::{ClientIdentity, client_config};
use xebec_proto::token::JoinToken;
use xebec_proto::v1::cluster_client::ClusterClient;

pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
const LOOPBACK: [u8; 4] = [127, 0, 0, 1];

/// A master that starts a cluster in this directory.
pub(crate) fn first(data_dir: &Path, name: &str) -> ServerConfig {
    ServerConfig { cluster_init: true, ..config(data_dir, name) }
}

/// A master that joins with the token of a join command.
pub(crate) fn next(data_dir: &Path, name: &str, server: &Master, token: JoinToken) -> ServerConfig {
    ServerConfig { join: Some(Join { server: endpoint(server), token }), ..config(data_dir, name) }
}

/// A master that was started before.
pub(crate) fn again(data_dir: &Path) -> ServerConfig {
    ServerConfig { data_dir: data_dir.to_owned(), ..ServerConfig::default() }
}

pub(crate) fn config(data_dir: &Path, name: &str) -> ServerConfig {
    let free = SocketAddr::from((LOOPBACK, 0));
    ServerConfig {
        name: name.to_owned(),
        data_dir: data_dir.to_owned(),
        listen: free,
        peer_listen: free,
        advertise_address: "127.0.0.1".to_owned(),
        ..ServerConfig::default()
    }
}

pub(crate) fn endpoint(master: &Master) -> Endpoint {
    master.api_address().parse().unwrap()
}

/// The token at the end of a join command.
pub(crate) fn token(command: &str) -> JoinToken {
    command.rsplit(' ').next().unwrap().parse().unwrap()
}

/// What the admin's kubeconfig holds under a key.
fn from_kubeconfig(master: &Master, key: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(master.admin_kubeconfig()).unwrap();
    let encoded = text.lines().find_map(|line| line.trim().strip_prefix(key)).unwrap();
    STANDARD.decode(encoded.trim()).unwrap()
}

/// TLS as the admin.
pub(crate) fn admin(master: &Master) -> Arc<ClientConfig> {
    let certificate = from_kubeconfig(master, "client-certificate-data:");
    let key = from_kubeconfig(master, "client-key-data:");
    let identity = ClientIdentity::from_pem(&certificate, &key).unwrap();
    client_config(&serving_ca(master), Some(identity)).unwrap()
}

/// TLS as nobody.
pub(crate) fn nobody(master: &Master) -> Arc<ClientConfig> {
    client_config(&serving_ca(master), None).unwrap()
}

pub(crate) fn serving_ca(master: &Master) -> Vec<u8> {
    from_kubeconfig(master, "certificate-authority-data:")
}

/// The Cluster service, as the admin.
pub(crate) async fn cluster(master: &Master) -> ClusterClient<Channel> {
    ClusterClient::new(dial(&endpoint(master), admin(master), TIMEOUT).await.unwrap())
}

/// An HTTP/1.1 request on a connection of its own: status and body.
pub(crate) async fn rest(
    master: &Master,
    tls: &Arc<ClientConfig>,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let (parts, body) = exchange(master, tls, method, path, &[], body).await;
    (parts.status.as_u16(), body)
}

/// The same with headers of the request, and all of the answer.
pub(crate) async fn exchange(
    master: &Master,
    tls: &Arc<ClientConfig>,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> (http::response::Parts, Value) {
    let endpoint = endpoint(master);
    let tcp = TcpStream::connect(endpoint.to_string()).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from(endpoint.host().to_owned()).unwrap();
    let stream = tokio_rustls::TlsConnector::from(tls.clone()).connect(name, tcp).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let bytes = body.map(|body| body.to_string()).unwrap_or_default();
    let request = http::Request::builder().method(method).uri(path).header("host", endpoint.to_string());
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = match headers.iter().any(|(name, _)| *name == "content-type") {
        true => request,
        false => request.header("content-type", "application/json"),
    };
    let answer = sender.send_request(request.body(Full::new(bytes::Bytes::from(bytes))).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = || Value::String(String::from_utf8_lossy(&body).into());
    (parts, serde_json::from_slice(&body).unwrap_or_else(|_| text()))
}

/// GET, as whoever `tls` says.
pub(crate) async fn get(master: &Master, tls: &Arc<ClientConfig>, path: &str) -> (u16, Value) {
    rest(master, tls, "GET", path, None).await
}

/// Tries until it is so.
pub(crate) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + TIMEOUT;
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(Instant::now() < give_up, "{what}: not within {TIMEOUT:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Creates it as the admin, as soon as that is possible.
pub(crate) async fn create_soon(master: &Master, path: &str, body: Value) {
    eventually(path, async || {
        let (code, _) = rest(master, &admin(master), "POST", path, Some(body.clone())).await;
        (code == 201).then_some(())
    })
    .await;
}

/// Waits until a master can answer for the cluster.
pub(crate) async fn ready(master: &Master) {
    let nobody = nobody(master);
    eventually("ready", async || (get(master, &nobody, "/readyz").await.0 == 200).then_some(())).await;
}

/// A small object.
pub(crate) fn config_map(name: &str) -> Value {
    serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": "v"}})
}
