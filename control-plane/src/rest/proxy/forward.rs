//! One request, sent on over a connection of its own, and its answer on the way back.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{HOST, LOCATION};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, Version};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use xebec_api::Status;

use super::headers::{self, Origin};
use super::location;
use super::upgrade::Wanted;
use crate::bootstrap::service::RemoteAddress;
use crate::outbound::Connection;

/// Where a request goes.
pub(in crate::rest) struct Onward {
    /// To the server.
    pub(in crate::rest) connection: Connection,
    /// What it is asked for.
    pub(in crate::rest) path: PathAndQuery,
    /// The path under which the caller sees the server's root. Absent: both see the same paths.
    pub(in crate::rest) prefix: Option<String>,
    /// By which `host:port` the server may call itself.
    pub(in crate::rest) own_hosts: Vec<String>,
    /// Who the caller is, for a server that believes us.
    pub(in crate::rest) identity: Option<HeaderMap>,
    /// What the server is called. Absent: what the caller calls us.
    pub(in crate::rest) host: Option<String>,
}

/// Sends the request on. The answer's body and that of the request are still on their way when this returns.
pub(in crate::rest) async fn forward(request: Request, onward: Onward) -> Result<Response, Status> {
    let (mut parts, body) = request.into_parts();
    let wanted = Wanted::take(&mut parts)?;
    let origin = origin(&parts);
    headers::onward(&mut parts.headers, &origin);
    parts.headers.extend(onward.identity.unwrap_or_default());
    if let Some(host) = onward.host.as_deref().and_then(|host| HeaderValue::from_str(host).ok()) {
        parts.headers.insert(HOST, host);
    }
    if let Some(wanted) = &wanted {
        wanted.ask(&mut parts.headers);
    }
    let mut sent = http::Request::new(body);
    *sent.method_mut() = parts.method;
    *sent.uri_mut() = Uri::from(onward.path);
    *sent.headers_mut() = parts.headers;
    let mut answer = ask(onward.connection, sent).await?;
    let is_upgraded = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    let protocol = answer.headers().get(http::header::UPGRADE).cloned();
    headers::back(answer.headers_mut());
    if let Some(prefix) = &onward.prefix {
        let own_hosts = [onward.own_hosts, vec![origin.host]].concat();
        lead_below(&mut answer, prefix, &own_hosts);
    }
    if is_upgraded {
        let unasked = || Status::service_unavailable("the server upgrades a connection that nobody wanted upgraded");
        let wanted = wanted.ok_or_else(unasked)?;
        wanted.ask(answer.headers_mut());
        if let Some(protocol) = protocol {
            answer.headers_mut().insert(http::header::UPGRADE, protocol);
        }
        wanted.join(hyper::upgrade::on(&mut answer));
        return Ok(answer.map(|_| Body::empty()));
    }
    Ok(answer.map(Body::new))
}

async fn ask(
    connection: Connection,
    request: http::Request<Body>,
) -> Result<http::Response<hyper::body::Incoming>, Status> {
    let failed = |error: hyper::Error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Status::service_unavailable(format!("error trying to reach service: {error}{cause}"))
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(connection)).await.map_err(failed)?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a proxied connection ended");
        }
    });
    let mut answer = sender.send_request(request).await.map_err(failed)?;
    *answer.version_mut() = Version::HTTP_11;
    Ok(answer)
}

fn origin(parts: &http::request::Parts) -> Origin {
    let named = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = parts.uri.authority().map(http::uri::Authority::as_str).or(named).unwrap_or_default().to_owned();
    let client: Option<IpAddr> = parts.extensions.get::<RemoteAddress>().map(|from| from.0.ip());
    Origin { client, host, path: parts.uri.path().to_owned() }
}

fn lead_below<B>(answer: &mut http::Response<B>, prefix: &str, own_hosts: &[String]) {
    let Some(place) = answer.headers().get(LOCATION).and_then(|place| place.to_str().ok()) else { return };
    if let Ok(place) = HeaderValue::from_str(&location::below(place, prefix, own_hosts)) {
        answer.headers_mut().insert(LOCATION, place);
    }
}
