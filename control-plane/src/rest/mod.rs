//! The Kubernetes REST face of the registry.
//!
//! There is one handler. It reads the path's segments, looks the kind up in the kind table, turns method and query into
//! a verb with options, and calls the registry; nothing here knows a kind by name, but for the streams of a pod. What it
//! adds is HTTP: negotiation (JSON, Table, PartialObjectMetadata), bodies with a limit, streams, and refusals in the
//! form of a Status.
//!
//! ```text
//!  request ─► path ─┬─ /apis/GROUP/VERSION/… of a server in the cluster ─► Remote
//!                   ├─ object or collection ─► query, body ─► Registry ─► answer
//!                   ├─ pods/NAME/{log,exec,attach,portforward} ─► NodeStreams
//!                   ├─ {pods,services,nodes}/NAME/proxy/… ─► Dialler
//!                   └─ discovery, OpenAPI, health, version
//! ```
//!
//! The listener has put the authenticated caller, an `Arc<User>`, into the request's extensions. Health and version
//! need none.

mod aggregated;
mod body;
mod classified;
mod discovery;
mod etag;
mod finish;
mod fixed;
mod list;
mod logs;
mod negotiate;
mod objects;
mod openapi;
mod openid;
mod path;
mod proxy;
mod query;
mod respond;
mod streams;
mod watch;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::Method;
use hyper::upgrade::OnUpgrade;
use tokio::time::Instant;
use xebec_api::Status;

pub use classified::Classified;
pub(crate) use classified::info;
pub(crate) use path::percent_decode;

use crate::aggregation::Aggregator;
use crate::authn::User;
use crate::nodes::NodeStreams;
use crate::outbound::Dialler;
use crate::registry::{Registry, RequestContext};
use path::Route;
use query::Query;

/// How long a request may take, streams apart.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What the REST face serves.
#[derive(Clone)]
pub struct RestState {
    /// The objects.
    pub registry: Registry,
    /// The way to the containers.
    pub streams: Arc<dyn NodeStreams>,
    /// The way to pods and Services.
    pub dialler: Dialler,
    /// Which APIs servers in the cluster serve.
    pub aggregator: Aggregator,
    /// `host:port` of this master's API, as others know it.
    pub api_address: Arc<str>,
}

/// The REST API, for any path.
pub fn router(state: RestState) -> Router {
    Router::new().fallback(handle).with_state(Arc::new(state))
}

/// Whether the answer to this lasts for as long as its caller wants. Read as the handler reads it, so that no spelling makes
/// a stream look short, nor anything else look like a stream.
pub(crate) fn is_stream(method: &Method, uri: &http::Uri) -> bool {
    let Ok(Route::Resource(resource)) = path::parse(uri.path()) else { return false };
    match (method, resource.subresource.as_deref()) {
        (&Method::GET | &Method::POST, Some("attach" | "exec" | "portforward"))
        | (&Method::GET, Some("log"))
        | (_, Some("proxy")) => true,
        (&Method::GET, None) if resource.name.is_none() => {
            Query::parse(uri.query().unwrap_or_default()).is_ok_and(|query| query.flag("watch"))
        }
        _ => false,
    }
}

/// A request, taken apart.
struct Call {
    state: Arc<RestState>,
    cx: RequestContext,
    method: Method,
    query: Query,
    headers: http::HeaderMap,
    /// The connection, for requests that want to go on without HTTP.
    upgrade: Option<OnUpgrade>,
}

async fn handle(State(state): State<Arc<RestState>>, request: Request) -> Response {
    dispatch(state, request).await.unwrap_or_else(|status| respond::status(&status))
}

async fn dispatch(state: Arc<RestState>, request: Request) -> Result<Response, Status> {
    let context = |request: &Request| {
        let user = request.extensions().get::<Arc<User>>().cloned().ok_or_else(Status::unauthorized)?;
        let cx = RequestContext::new(user, Instant::now() + REQUEST_TIMEOUT);
        Ok::<_, Status>(cx.noting(request.extensions().get()))
    };
    if let Some(remote) = aggregated::find(&state, request.uri().path()) {
        return aggregated::serve(&state, &context(&request)?, &remote, request).await;
    }
    let route = path::parse(request.uri().path())?;
    if let Route::Open(page) = route {
        return fixed::open(&state, page).await;
    }
    let cx = context(&request)?;
    if let Route::Resource(path::Address { tail: Some(_), .. }) = &route {
        return proxy::serve(&state, &cx, route, request).await;
    }
    serve_own(state, cx, route, request).await
}

/// Serves what masters serve themselves.
async fn serve_own(
    state: Arc<RestState>,
    cx: RequestContext,
    route: Route,
    request: Request,
) -> Result<Response, Status> {
    let (mut parts, body) = request.into_parts();
    let query = Query::parse(parts.uri.query().unwrap_or_default())?;
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let (pretty, gzip) = (query.flag("pretty"), finish::takes_gzip(&parts.headers));
    let is_stream = is_stream(&parts.method, &parts.uri);
    let call = Call { state, cx, method: parts.method, query, headers: parts.headers, upgrade };
    let answer = route_to(call, route, parts.uri.path(), body).await;
    if is_stream {
        return answer;
    }
    let answer = answer.unwrap_or_else(|status| respond::status(&status));
    let answer = if pretty { finish::indented(answer).await } else { answer };
    Ok(if gzip { finish::compressed(answer) } else { answer })
}

async fn route_to(call: Call, route: Route, path: &str, body: Body) -> Result<Response, Status> {
    match route {
        Route::Open(page) => fixed::open(&call.state, page).await,
        Route::Discovery(place) => discovery::serve(&call, path, &place),
        Route::OpenId(document) => openid::serve(&call, path, document),
        Route::OpenApi(place) => openapi::serve(&call, path, &place).await,
        Route::Resource(address) => {
            let resource = address.resource(&call.state.registry.cache().catalogue())?;
            objects::serve(call, resource, body).await
        }
    }
}
