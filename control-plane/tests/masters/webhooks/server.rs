//! A webhook on loopback: a real HTTPS server that answers as it is told, and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the server does about a review.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Answers with the review of this response; a `uid` that is missing is filled in.
    Response(Value),
    /// Answers with this document.
    Document(Value),
    /// Answers with this code and, for redirects, place.
    Code(u16, &'static str),
    /// Says nothing for so long.
    Silence(Duration),
    /// Sends so many bytes.
    Bytes(usize),
}

type Plan = dyn Fn(&str, &Value) -> Reply + Send + Sync;

pub(crate) struct Webhook {
    port: u16,
    ca: String,
    asked: Arc<Mutex<Vec<Value>>>,
    plan: Arc<Mutex<Box<Plan>>>,
}

impl Webhook {
    /// A server that allows everything.
    pub(crate) async fn start() -> Webhook {
        let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(xebec_proto::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let allow: Box<Plan> = Box::new(|_, _| Reply::Response(json!({"allowed": true})));
        let webhook = Webhook {
            port: listener.local_addr().unwrap().port(),
            ca: STANDARD.encode(certified.cert.pem()),
            asked: Arc::default(),
            plan: Arc::new(Mutex::new(allow)),
        };
        tokio::spawn(serve(listener, Arc::new(config), webhook.asked.clone(), webhook.plan.clone()));
        webhook
    }

    /// From now on it answers like this: to the path and the request of a review.
    pub(crate) fn answers(&self, plan: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) {
        *self.plan.lock().unwrap() = Box::new(plan);
        self.asked.lock().unwrap().clear();
    }

    /// The requests of the reviews that it was sent since it was last told how to answer.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }

    /// How to reach it under a path.
    pub(crate) fn client_config(&self, path: &str) -> Value {
        json!({"url": format!("https://127.0.0.1:{}/{path}", self.port), "caBundle": self.ca})
    }
}

async fn serve(
    listener: TcpListener,
    config: Arc<rustls::ServerConfig>,
    asked: Arc<Mutex<Vec<Value>>>,
    plan: Arc<Mutex<Box<Plan>>>,
) {
    let acceptor = tokio_rustls::TlsAcceptor::from(config);
    loop {
        let Ok((tcp, _)) = listener.accept().await else { return };
        let (acceptor, asked, plan) = (acceptor.clone(), asked.clone(), plan.clone());
        tokio::spawn(async move {
            // Who does not trust the certificate breaks off here.
            let Ok(stream) = acceptor.accept(tcp).await else { return };
            let service = service_fn(|request| answer(request, asked.clone(), plan.clone()));
            drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    asked: Arc<Mutex<Vec<Value>>>,
    plan: Arc<Mutex<Box<Plan>>>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let review: Value = serde_json::from_slice(&body).unwrap();
    asked.lock().unwrap().push(review["request"].clone());
    let reply = plan.lock().unwrap()(&path, &review["request"]);
    let json = |document: Value| Response::new(Full::from(document.to_string()));
    Ok(match reply {
        Reply::Document(document) => json(document),
        Reply::Response(mut response) => {
            if response.get("uid").is_none() {
                response["uid"] = review["request"]["uid"].clone();
            }
            json(json!({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}))
        }
        Reply::Code(code, location) => {
            let answer = Response::builder().status(code).header("location", location);
            answer.body(Full::default()).unwrap()
        }
        Reply::Silence(time) => {
            tokio::time::sleep(time).await;
            json(json!({}))
        }
        Reply::Bytes(count) => Response::new(Full::from(vec![b' '; count])),
    })
}

/// A response that allows the request with a JSON patch.
pub(crate) fn patching(patch: &Value) -> Reply {
    let encoded = STANDARD.encode(patch.to_string());
    Reply::Response(json!({"allowed": true, "patchType": "JSONPatch", "patch": encoded}))
}
