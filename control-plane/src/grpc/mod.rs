//! The gRPC face of the registry: the service `xebec.v1.Objects`, which the CLI speaks.
//!
//! It is as thin as the messages allow: a target is looked up in the kind table, options are read, the registry is
//! called, and objects leave as their canonical JSON. A refusal carries the same Status that REST clients get, in the
//! details of the gRPC status. The listener has put the caller, an `Arc<User>`, into the request's extensions.

mod about;
mod convert;
mod exec;
mod list;
mod logs;
mod port_forward;
mod service;
mod watch;

#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::time::Instant;
use tonic::Request;
use xebec_api::Status;

use crate::audit::Subject;
use crate::authn::User;
use crate::nodes::NodeStreams;
use crate::registry::{Registry, RequestContext};
use about::About;

/// How long a request may take, streams apart.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A stream of answers.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, tonic::Status>> + Send>>;

/// The object API.
#[derive(Clone)]
pub struct ObjectsService {
    /// The objects.
    pub registry: Registry,
    /// The way to the containers.
    pub streams: Arc<dyn NodeStreams>,
}

/// On whose behalf a request comes. Whoever records it learns what it is about.
fn context_of<T: About>(request: &Request<T>) -> Result<RequestContext, Status> {
    if let (Some(subject), Some(info)) = (request.extensions().get::<Subject>(), request.get_ref().about()) {
        subject.set(info);
    }
    context(request)
}

/// On whose behalf a request comes.
fn context<T>(request: &Request<T>) -> Result<RequestContext, Status> {
    let user = request.extensions().get::<Arc<User>>().cloned().ok_or_else(Status::unauthorized)?;
    Ok(RequestContext::new(user, Instant::now() + REQUEST_TIMEOUT).noting(request.extensions().get()))
}

/// A refusal as gRPC carries it.
fn refuse(status: Status) -> tonic::Status {
    let json = status.to_json().to_string();
    xebec_proto::status::to_tonic(status.code, json.into(), status.message)
}
