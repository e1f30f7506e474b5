//! The two faces of the API, as clients that say an [`Ask`].

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tonic::transport::Channel;
use xebec_control_plane::server::Master;
use xebec_proto::dial::dial;
use xebec_proto::v1::objects_client::ObjectsClient;
use xebec_proto::v1::{self, patch_request::Type};

use super::ask::{Answer, Ask, Verb, filled};
use crate::support::{TIMEOUT, admin, endpoint};

/// The answers larger than gRPC's usual bound.
const LARGE: usize = 64 << 20;

/// HTTP/2 on one connection.
#[derive(Clone)]
pub(crate) struct Rest {
    authority: String,
    sender: SendRequest<Full<Bytes>>,
}

/// A whole answer of the REST face.
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| String::from_utf8_lossy(&self.body).into())
    }
}

impl Rest {
    pub(crate) async fn new(master: &Master) -> Rest {
        Rest::with(master, admin(master)).await
    }

    pub(crate) async fn with(master: &Master, tls: Arc<ClientConfig>) -> Rest {
        let endpoint = endpoint(master);
        let tcp = TcpStream::connect(endpoint.to_string()).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from(endpoint.host().to_owned()).unwrap();
        let stream = tokio_rustls::TlsConnector::from(tls).connect(name, tcp).await.unwrap();
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        Rest { authority: endpoint.to_string(), sender }
    }

    /// The head of the answer, with its body still to come.
    pub(crate) async fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> http::Response<hyper::body::Incoming> {
        let mut request = http::Request::builder().method(method).uri(format!("https://{}{path}", self.authority));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        self.sender.clone().send_request(request).await.unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let (parts, body) = self.open(method, path, headers, body).await.into_parts();
        let body = tokio::time::timeout(TIMEOUT, body.collect()).await.unwrap().unwrap().to_bytes();
        Reply { code: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn ask(&self, ask: &Ask, namespace: &str) -> Answer {
        let (method, content_type) = match ask.verb {
            Verb::Get | Verb::List => ("GET", ""),
            Verb::Create => ("POST", "application/json"),
            Verb::Update => ("PUT", "application/json"),
            Verb::Patch(content_type) => ("PATCH", content_type),
            Verb::Delete | Verb::DeleteCollection => ("DELETE", "application/json"),
        };
        let headers = [("content-type", content_type)];
        let headers = if content_type.is_empty() { &headers[..0] } else { &headers[..] };
        let body = ask.body.as_ref().map(|body| filled(body, namespace).to_string()).unwrap_or_default();
        let reply = self.send(method, &path(ask, namespace), headers, body).await;
        Answer { code: reply.code, body: reply.json() }
    }
}

fn path(ask: &Ask, namespace: &str) -> String {
    let resource = ask.resource;
    let root = match resource.group {
        "" => format!("/api/{}", resource.version),
        group => format!("/apis/{group}/{}", resource.version),
    };
    let namespace = match ask.namespace.unwrap_or(namespace) {
        namespace if resource.namespaced && !namespace.is_empty() => format!("/namespaces/{namespace}"),
        _ => String::new(),
    };
    let mut path = format!("{root}{namespace}/{}", resource.plural);
    for segment in [ask.name.as_str(), ask.subresource].into_iter().filter(|segment| !segment.is_empty()) {
        path.push('/');
        path.push_str(segment);
    }
    let query: Vec<String> = ask.query.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

/// Percent-encoded, but for what needs it nowhere.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// The gRPC face.
#[derive(Clone)]
pub(crate) struct Grpc {
    client: ObjectsClient<Channel>,
}

impl Grpc {
    pub(crate) async fn new(master: &Master) -> Grpc {
        let channel = dial(&endpoint(master), admin(master), TIMEOUT).await.unwrap();
        Grpc { client: ObjectsClient::new(channel).max_decoding_message_size(LARGE) }
    }

    /// `None` for what this face has no words for.
    pub(crate) async fn ask(&self, ask: &Ask, namespace: &str) -> Option<Answer> {
        if !ask.query.iter().all(|(key, _)| has_words_for(ask.verb, key)) {
            return None;
        }
        let body = ask.body.as_ref().map(|body| filled(body, namespace).to_string()).unwrap_or_default();
        let mut client = self.client.clone();
        let (target, json) = (target(ask, namespace), Bytes::from(body));
        let options = Some(options(ask));
        let answered = match ask.verb {
            Verb::Get => client.get(v1::GetRequest { target, ..v1::GetRequest::default() }).await.map(object),
            Verb::List => return Some(self.list(ask, target).await),
            Verb::Create => client.create(v1::CreateRequest { target, json, options }).await.map(object),
            Verb::Update => client.update(v1::UpdateRequest { target, json, options }).await.map(object),
            Verb::Patch(content_type) => {
                let r#type = patch_type(content_type)?.into();
                let request = v1::PatchRequest { target, r#type, patch: json, options, force: false };
                client.patch(request).await.map(object)
            }
            Verb::Delete => {
                let answered = client.delete(v1::DeleteRequest { target, options_json: json }).await;
                answered.map(|deleted| parsed(&deleted.into_inner().json))
            }
            Verb::DeleteCollection => return None,
        };
        Some(answer(answered))
    }

    async fn list(&self, ask: &Ask, target: Option<v1::Target>) -> Answer {
        let request = v1::ListRequest {
            target,
            label_selector: ask.parameter("labelSelector").to_owned(),
            field_selector: ask.parameter("fieldSelector").to_owned(),
            limit: ask.parameter("limit").parse().unwrap_or_default(),
            continue_token: ask.parameter("continue").to_owned(),
            resource_version: ask.parameter("resourceVersion").to_owned(),
            representation: 0,
        };
        answer(collect(self.client.clone().list(request).await).await)
    }
}

/// A list as REST would show it.
async fn collect(
    answered: Result<tonic::Response<tonic::Streaming<v1::ListChunk>>, tonic::Status>,
) -> Result<Value, tonic::Status> {
    let mut chunks = answered?.into_inner();
    let mut items: Vec<Value> = Vec::new();
    let mut metadata = json!({});
    while let Some(chunk) = chunks.message().await? {
        metadata["resourceVersion"] = json!(chunk.revision.to_string());
        if !chunk.continue_token.is_empty() {
            metadata["continue"] = json!(chunk.continue_token);
        }
        items.extend(chunk.items.iter().map(|item| parsed(item)));
    }
    Ok(json!({"metadata": metadata, "items": items}))
}

fn has_words_for(verb: Verb, key: &str) -> bool {
    match verb {
        Verb::List => ["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion"].contains(&key),
        Verb::Create | Verb::Update | Verb::Patch(_) => ["dryRun", "fieldManager", "fieldValidation"].contains(&key),
        _ => false,
    }
}

fn target(ask: &Ask, namespace: &str) -> Option<v1::Target> {
    let namespace = if ask.resource.namespaced { ask.namespace.unwrap_or(namespace) } else { "" };
    Some(v1::Target {
        group: ask.resource.group.to_owned(),
        version: ask.resource.version.to_owned(),
        resource: ask.resource.plural.to_owned(),
        namespace: namespace.to_owned(),
        name: ask.name.clone(),
        subresource: ask.subresource.to_owned(),
    })
}

fn options(ask: &Ask) -> v1::WriteOptions {
    v1::WriteOptions {
        dry_run: ask.parameter("dryRun") == "All",
        field_manager: ask.parameter("fieldManager").to_owned(),
        // REST's default is to warn, gRPC's to refuse.
        field_validation: match ask.parameter("fieldValidation") {
            "" => "Warn".to_owned(),
            word => word.to_owned(),
        },
    }
}

fn patch_type(content_type: &str) -> Option<Type> {
    match content_type {
        "application/json-patch+json" => Some(Type::Json),
        "application/merge-patch+json" => Some(Type::Merge),
        "application/strategic-merge-patch+json" => Some(Type::Strategic),
        _ => None,
    }
}

fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap()
}

fn object(object: tonic::Response<v1::Object>) -> Value {
    parsed(&object.into_inner().json)
}

fn answer(answered: Result<Value, tonic::Status>) -> Answer {
    match answered {
        Ok(body) => Answer { code: 200, body },
        Err(status) => {
            let json = xebec_proto::status::details_json(&status).map(parsed);
            let body = json.unwrap_or_else(|| json!({"message": status.message()}));
            let code = body["code"].as_u64().and_then(|code| u16::try_from(code).ok());
            Answer { code: code.unwrap_or(500), body }
        }
    }
}
