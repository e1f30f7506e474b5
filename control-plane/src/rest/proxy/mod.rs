//! `pods/NAME/proxy` and `services/NAME/proxy`: requests to what a pod or a Service serves, by way of this master.
//!
//! NAME is `[scheme:]name[:port]`. The rest of the path, the query, the body and the answer belong to the two ends: they are
//! streamed, as fast as the slower end takes them, and for as long as the caller waits. What is ours to change are the headers that
//! concern one connection, the caller's credentials (which nobody else gets), and redirects, which come to lie under the proxy's path.
//!
//! ```text
//! caller ─► authorize ─► destination (who, which port) ─► Dialler ─► forward ─► HTTP/1.1, or an upgrade and bytes both ways
//! ```

mod destination;
pub(super) mod forward;
mod headers;
mod location;
mod upgrade;

#[cfg(test)]
mod tests;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::LOCATION;
use http::uri::PathAndQuery;
use http::{HeaderValue, StatusCode};
use serde_json::json;
use xebec_api::{Status, Subresource};

use super::classified::verb_of_api;
use super::path::{Resource, Route};
use super::{RestState, discovery};
use crate::registry::{RequestContext, Target};
use destination::Destination;
use forward::Onward;

/// Serves a request below a proxy's path.
pub(super) async fn serve(
    state: &RestState,
    cx: &RequestContext,
    route: Route,
    request: Request,
) -> Result<Response, Status> {
    let (target, tail) = target(state, route)?;
    state.registry.authorize(cx, verb_of_api(request.method(), true, false), &target)?;
    let destination = Destination::read(&target)?;
    if tail.is_empty() && !upgrade::is_wanted(request.headers()) {
        return Ok(to_the_root(&request));
    }
    state.registry.read_barrier(cx.deadline).await?;
    let options = json!({"path": tail.trim_end_matches('/')});
    state.registry.ask_about_connect(cx, &target, discovery::proxy_options(target.kind), options).await?;
    let reached = destination.reach(&state.dialler, state.registry.cache(), cx.deadline).await?;
    let path = request.uri().path();
    let prefix = path[..path.len() - tail.len()].to_owned();
    let path = onward_path(&tail, request.uri().query())?;
    let onward = Onward {
        connection: reached.connection,
        path,
        prefix: Some(prefix),
        own_hosts: reached.hosts,
        identity: None,
        host: None,
    };
    forward::forward(request, onward).await
}

fn target(state: &RestState, route: Route) -> Result<(Target, String), Status> {
    let Route::Resource(address) = route else { return Err(Status::no_such_resource()) };
    let tail = address.tail.clone().unwrap_or_default();
    let Resource { kind, namespace, name, .. } = address.resource(&state.registry.cache().catalogue())?;
    let name = name.filter(|_| kind.has(Subresource::Proxy)).ok_or_else(Status::no_such_resource)?;
    Ok((Target { kind, namespace, name, subresource: Some(Subresource::Proxy) }, tail))
}

/// A proxy's root is a directory: relative links of its page must lead below it.
fn to_the_root(request: &Request) -> Response {
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    if let Ok(place) = HeaderValue::from_str(&format!("{}/{query}", request.uri().path())) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

fn onward_path(tail: &str, query: Option<&str>) -> Result<PathAndQuery, Status> {
    let path = if tail.is_empty() { "/" } else { tail };
    let whole = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    whole.parse().map_err(|_| Status::bad_request("the path below the proxy cannot be sent on"))
}
