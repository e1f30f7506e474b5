//! A server in the cluster that serves a group's version.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{ACCEPT, HOST};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIServiceSpec;
use rustls::ClientConfig;
use rustls::client::ResolvesClientCert;
use serde_json::Value;
use tokio::time::Instant;

use super::availability::Problem;
use super::{identity, resources};
use crate::authn::User;
use crate::outbound::tls::{self, Trust};
use crate::outbound::{Connection, DialError, Dialler, PortRef, Reach, ServiceRef};

/// To connect, to ask and to be answered, each time.
const DEADLINE: Duration = Duration::from_secs(5);
/// The longest answer about what a server serves that is read.
const MOST: usize = 4 << 20;

/// What a server was last heard to serve.
#[derive(Clone, Debug, Default)]
pub struct Served {
    /// Resources in the form of aggregated discovery.
    pub resources: Vec<Value>,
    /// Whether that is what it said when it was last asked, not what it said before it could not be asked.
    pub is_fresh: bool,
    /// Where its OpenAPI v3 document is, if it has one: a path with a query.
    pub open_api: Option<String>,
}

/// See the module's documentation.
pub struct Remote {
    /// The API group.
    pub group: String,
    /// Its version.
    pub version: String,
    service: ServiceRef,
    tls: Result<Arc<ClientConfig>, String>,
    dialler: Dialler,
    served: ArcSwap<Served>,
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.authority(), self.path())
    }
}

impl Remote {
    /// The server that an APIService names; `None` for one that names none. Whom we are to it, `proxy` proves.
    pub(super) fn new(spec: &APIServiceSpec, dialler: Dialler, proxy: Arc<dyn ResolvesClientCert>) -> Option<Remote> {
        let service = spec.service.as_ref()?;
        let port = service.port.and_then(|port| u16::try_from(port).ok()).unwrap_or(443);
        Some(Remote {
            group: spec.group.clone().unwrap_or_default(),
            version: spec.version.clone().unwrap_or_default(),
            service: ServiceRef {
                namespace: service.namespace.clone().unwrap_or_default(),
                name: service.name.clone().unwrap_or_default(),
                port: PortRef::Number(port),
            },
            tls: trust(spec).and_then(|trust| {
                let config = tls::config(&trust, Some(proxy));
                config.map_err(|error| format!("spec.caBundle cannot be used: {error}"))
            }),
            dialler,
            served: ArcSwap::default(),
        })
    }

    /// The Service it is reached by.
    pub(super) fn service(&self) -> &ServiceRef {
        &self.service
    }

    /// What it serves, as far as it is known.
    pub fn served(&self) -> Arc<Served> {
        self.served.load_full()
    }

    /// By which name it is addressed, with its port.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host(), self.service.port)
    }

    fn host(&self) -> String {
        format!("{}.{}.svc", self.service.name, self.service.namespace)
    }

    fn path(&self) -> String {
        format!("/apis/{}/{}", self.group, self.version)
    }

    /// A connection to it, with TLS.
    pub async fn connect(&self, deadline: Instant) -> Result<Connection, Problem> {
        let config = self.tls.clone().map_err(Problem::Trust)?;
        let connection = self.dialler.service(&self.service, Reach::Anywhere, deadline).await?;
        Ok(tls::secure(connection, &self.host(), config, deadline).await?)
    }

    /// Asks what it serves, and keeps the answer.
    pub(super) async fn refresh(&self) -> Result<(), Problem> {
        let asked = tokio::time::timeout(DEADLINE, self.ask()).await.unwrap_or(Err(Problem::TimedOut));
        let served = match &asked {
            Ok(served) => served.clone(),
            Err(_) => Served { is_fresh: false, ..(*self.served()).clone() },
        };
        self.served.store(Arc::new(served));
        asked.map(drop)
    }

    async fn ask(&self) -> Result<Served, Problem> {
        self.check()?;
        let list = self.get(&self.path()).await?;
        let resources = resources::of_list(&list, &self.group, &self.version);
        let resources = resources.ok_or_else(|| Problem::Answer(self.path()))?;
        // Not every server has OpenAPI, and none needs it to be available.
        let open_api = self.get("/openapi/v3").await.ok().and_then(|index| self.document(&index));
        Ok(Served { resources, is_fresh: true, open_api })
    }

    /// What can be known without a connection.
    fn check(&self) -> Result<(), DialError> {
        self.dialler.check(&self.service)
    }

    fn document(&self, index: &Value) -> Option<String> {
        let entry = index.get("paths")?.get(self.path().trim_start_matches('/'))?;
        Some(entry.get("serverRelativeURL")?.as_str()?.to_owned())
    }

    async fn get(&self, path: &str) -> Result<Value, Problem> {
        let connection = self.connect(Instant::now() + DEADLINE).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(connection)).await?;
        let driving = tokio::spawn(connection);
        let answer = sender.send_request(self.request(path)).await;
        let read = async {
            let answer = answer?;
            let code = answer.status();
            if !code.is_success() {
                return Err(Problem::Code { path: path.to_owned(), code: code.as_u16() });
            }
            let body = Limited::new(answer.into_body(), MOST).collect().await;
            let bytes = body.map_err(|_| Problem::Answer(path.to_owned()))?.to_bytes();
            serde_json::from_slice(&bytes).map_err(|_| Problem::Answer(path.to_owned()))
        };
        let read = read.await;
        driving.abort();
        read
    }

    fn request(&self, path: &str) -> Request<Empty<Bytes>> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        *headers = identity::headers(&User::aggregator());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        add_host(headers, &self.authority());
        request
    }
}

fn add_host(headers: &mut HeaderMap, authority: &str) {
    if let Ok(host) = HeaderValue::from_str(authority) {
        headers.insert(HOST, host);
    }
}

fn trust(spec: &APIServiceSpec) -> Result<Trust, String> {
    if spec.insecure_skip_tls_verify == Some(true) {
        return Ok(Trust::Anybody);
    }
    let bundle = spec.ca_bundle.as_ref().map(|bundle| bundle.0.clone()).filter(|bundle| !bundle.is_empty());
    let nobody = "spec.caBundle is empty and spec.insecureSkipTLSVerify is not set, so no server can be believed";
    bundle.map(Trust::Bundle).ok_or_else(|| nobody.to_owned())
}
