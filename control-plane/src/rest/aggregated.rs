//! Paths of APIs that servers in the cluster serve: authorized here, answered there.
//!
//! The server believes us who asks, by our certificate, and is told in headers. It decides for itself what it allows beyond that, which it
//! may ask us by a SubjectAccessReview.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};
use xebec_api::Status;

use super::classified::{verb_of_api, verb_of_path};
use super::proxy::forward::{Onward, forward};
use super::query::Query;
use super::{RestState, path};
use crate::aggregation::{Remote, identity};
use crate::authz::Attributes;
use crate::registry::RequestContext;

/// The server that a path leads to, if it is not ours: `/apis/GROUP/VERSION`, what is below it, and its OpenAPI document.
pub(super) fn find(state: &RestState, path: &str) -> Option<Arc<Remote>> {
    let below = path.strip_prefix("/apis/").or_else(|| path.strip_prefix("/openapi/v3/apis/"))?;
    let mut parts = below.split('/');
    let (group, version) = (parts.next()?, parts.next()?);
    state.aggregator.find(group, version)
}

/// Serves a request that such a server answers.
pub(super) async fn serve(
    state: &RestState,
    cx: &RequestContext,
    remote: &Remote,
    request: Request,
) -> Result<Response, Status> {
    authorize(state, cx, &request)?;
    let connected = remote.connect(cx.deadline).await;
    let connection = connected.map_err(|problem| unavailable(remote, &problem))?;
    let path = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    let identity: HeaderMap = identity::headers(&cx.user);
    let onward = Onward {
        connection,
        path,
        prefix: None,
        own_hosts: Vec::new(),
        identity: Some(identity),
        host: Some(remote.authority()),
    };
    forward(request, onward).await
}

fn unavailable(remote: &Remote, problem: &dyn std::error::Error) -> Status {
    let (group, version) = (&remote.group, &remote.version);
    Status::service_unavailable(format!("the server of {group}/{version} cannot be reached: {problem}"))
}

fn authorize(state: &RestState, cx: &RequestContext, request: &Request) -> Result<(), Status> {
    let uri: &Uri = request.uri();
    let Some(address) = path::remote_address(uri.path())? else {
        return state.registry.authorize_path(cx, verb_of_path(request.method()), uri.path());
    };
    let watches = Query::parse(uri.query().unwrap_or_default())?.flag("watch");
    let has_name = address.name.is_some();
    let attributes = Attributes {
        group: &address.group,
        resource: &address.plural,
        subresource: address.subresource.as_deref().unwrap_or_default(),
        namespace: address.namespace.as_deref(),
        name: address.name.as_deref(),
        ..Attributes::blank(&cx.user, verb_of_api(request.method(), has_name, watches && !has_name))
    };
    state.registry.authorize_attributes(&attributes)
}
