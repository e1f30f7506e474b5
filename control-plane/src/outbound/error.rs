//! Why nobody could be reached.

use std::net::IpAddr;

use xebec_api::{Kind, Status, kinds};

use super::PortRef;

/// Why a pod, a Service or a host could not be reached. Services and pods are named `namespace/name`.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// There is no such Service.
    #[error("service {0:?} not found")]
    ServiceNotFound(String),
    /// There is no such pod.
    #[error("pod {0:?} not found")]
    PodNotFound(String),
    /// The pod waits for a node.
    #[error("pod {0:?} does not have a host assigned")]
    PodNotBound(String),
    /// The Service has no such TCP port.
    #[error("no service port {port} found for service {service:?}")]
    NoSuchPort {
        /// Namespace and name.
        service: String,
        /// The port that was asked for.
        port: PortRef,
    },
    /// Nothing that is ready stands behind the Service's port.
    #[error("no endpoints available for service {0:?}")]
    NoEndpoints(String),
    /// An address that nobody is dialled at on somebody else's word: of this machine or this link, or of many.
    #[error("address {0} must not be dialled: it is loopback, link-local, multicast or unspecified")]
    Address(IpAddr),
    /// The node's answer.
    #[error("{place}: {cause}")]
    Node {
        /// What was dialled.
        place: String,
        /// Why not.
        cause: Status,
    },
    /// The network's answer.
    #[error("{place}: {cause}")]
    Network {
        /// What was dialled.
        place: String,
        /// Why not.
        cause: std::io::Error,
    },
    /// Nobody answered.
    #[error("{0}: no connection in time")]
    TimedOut(String),
    /// The TLS handshake failed; most often the certificate is not the expected one.
    #[error("TLS handshake with {place}: {cause}")]
    Tls {
        /// Who was expected.
        place: String,
        /// What went wrong.
        cause: std::io::Error,
    },
    /// The certificates to be trusted, or the server's name, cannot be used.
    #[error("TLS to {place} cannot be set up: {cause}")]
    Trust {
        /// Who was expected.
        place: String,
        /// What is wrong with them.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl DialError {
    /// As the caller of the API is told: 404 for what does not exist, otherwise 503.
    pub fn status(&self) -> Status {
        let named = |kind: &Kind, name: &str| Status::not_found(kind, name.rsplit('/').next().unwrap_or_default());
        match self {
            DialError::ServiceNotFound(name) => named(&kinds::SERVICE, name),
            DialError::PodNotFound(name) => named(&kinds::POD, name),
            DialError::PodNotBound(_) | DialError::Address(_) => Status::bad_request(self.to_string()),
            _ => Status::service_unavailable(self.to_string()),
        }
    }
}
