//! Whom to ask, as a `clientConfig` says it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use rustls::ClientConfig;
use serde_json::Value;
use xebec_api::value;

use super::EndpointError;
use crate::outbound::tls::{self, Trust};
use crate::outbound::{PortRef, ServiceRef};

const HTTPS: u16 = 443;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A host, by name or address, and its port.
    Host(String, u16),
    /// Whoever is ready behind a Service.
    Service(ServiceRef),
}

/// A server that is asked.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where it is.
    pub place: Place,
    /// The name that its certificate must be for.
    pub name: String,
    /// What is asked for.
    pub uri: Uri,
    /// Whom to trust.
    pub tls: Arc<ClientConfig>,
}

impl Endpoint {
    /// Reads a `clientConfig`, of which the rules of its kind have been checked.
    pub fn read(config: &Value) -> Result<Endpoint, EndpointError> {
        let (place, name, uri) = match config.get("service").filter(|service| service.is_object()) {
            Some(service) => of_service(service)?,
            None => of_url(value::text(config, "/url").unwrap_or_default())?,
        };
        let trust = match value::text(config, "/caBundle") {
            None => Trust::System,
            Some(bundle) => Trust::Bundle(STANDARD.decode(bundle).map_err(|error| EndpointError::Trust(error.into()))?),
        };
        let tls = tls::config(&trust, None).map_err(EndpointError::Trust)?;
        Ok(Endpoint { place, name, uri, tls })
    }
}

type Parts = (Place, String, Uri);

fn of_service(service: &Value) -> Result<Parts, EndpointError> {
    let text = |pointer: &str| value::text(service, pointer).unwrap_or_default().to_owned();
    let (namespace, name) = (text("/namespace"), text("/name"));
    let port = value::number(service, "/port").and_then(|port| u16::try_from(port).ok()).unwrap_or(HTTPS);
    let path = value::text(service, "/path").unwrap_or("/");
    let host = format!("{name}.{namespace}.svc");
    let uri = uri(&format!("https://{host}:{port}{path}"), "the service's name, namespace or path cannot be in a URL")?;
    let place = Place::Service(ServiceRef { namespace, name, port: PortRef::Number(port) });
    Ok((place, host, uri))
}

fn of_url(url: &str) -> Result<Parts, EndpointError> {
    let uri = uri(url, "the URL is malformed")?;
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    if uri.scheme_str() != Some("https") || host.is_empty() {
        return Err(EndpointError::Place("the URL must begin with https:// and a host"));
    }
    let place = Place::Host(host.clone(), uri.port_u16().unwrap_or(HTTPS));
    Ok((place, host, uri))
}

fn uri(text: &str, why: &'static str) -> Result<Uri, EndpointError> {
    text.parse().map_err(|_| EndpointError::Place(why))
}
