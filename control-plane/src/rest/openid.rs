//! OpenID Connect discovery: what others need to verify tokens of this cluster's ServiceAccounts by themselves.

use axum::response::Response;
use http::Method;
use xebec_api::{Reason, Status};

use super::path::OpenId;
use super::{Call, respond};
use crate::authn::service_account;

/// Serves one of the two documents.
pub(super) fn serve(call: &Call, path: &str, document: OpenId) -> Result<Response, Status> {
    if call.method != Method::GET {
        return Err(Status::new(Reason::MethodNotAllowed, "these documents can only be read"));
    }
    call.state.registry.authorize_path(&call.cx, "get", path)?;
    Ok(match document {
        OpenId::Configuration => {
            respond::json_as("application/json", &service_account::discovery(&call.state.api_address))
        }
        OpenId::Keys => respond::json_as("application/jwk-set+json", &call.state.registry.token_keys()),
    })
}
