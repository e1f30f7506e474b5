//! One connection to a master, as the kubeconfig's user, and what verbs ask of it.

mod kinds;
mod objects;

pub(crate) use kinds::{Kinds, Selected, UnknownKind};
pub(crate) use objects::{Applier, Listed};

use std::time::Duration;

use anyhow::{Context, Result};
use tonic::transport::Channel;
use xebec_proto::dial::dial;
use xebec_proto::endpoint::Endpoint;
use xebec_proto::tls::{ClientIdentity, client_config};
use xebec_proto::v1::cluster_client::ClusterClient;
use xebec_proto::v1::objects_client::ObjectsClient;
use xebec_proto::v1::{Kind, Target};

use crate::args::Connection;
use crate::kubeconfig;

/// To find out whether anybody answers.
const CONNECT: Duration = Duration::from_secs(5);
/// Of one message; listings come in many.
const LARGEST_MESSAGE: usize = 64 * 1024 * 1024;

/// A connection, a namespace, a deadline for each request.
pub(crate) struct Session {
    channel: Channel,
    namespace: String,
    timeout: Duration,
    stale: bool,
}

impl Session {
    /// Connects as `connection` says.
    pub(crate) async fn open(connection: &Connection) -> Result<Session> {
        let credentials = kubeconfig::load(connection)?;
        let identity = credentials.identity.map(|(chain, key)| ClientIdentity::from_pem(&chain, &key)).transpose();
        let identity = identity.context("the user's certificate in the kubeconfig")?;
        let tls = client_config(&credentials.ca, identity).context("the certificates of the kubeconfig")?;
        let endpoint: Endpoint = credentials.server.parse().context("the server in the kubeconfig")?;
        let channel = dial(&endpoint, tls, CONNECT.min(connection.request_timeout.0)).await?;
        let namespace = connection.namespace.clone().or(credentials.namespace).unwrap_or_else(|| "default".to_owned());
        Ok(Session { channel, namespace, timeout: connection.request_timeout.0, stale: false })
    }

    /// Content, if so, with what the master has that answers: reads then need no majority of the masters.
    pub(crate) fn stale(self, stale: bool) -> Session {
        Session { stale, ..self }
    }

    /// How fresh reads must be, as the API says it.
    fn resource_version(&self) -> String {
        if self.stale { "0".to_owned() } else { String::new() }
    }

    /// The namespace of whatever names none.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The object API.
    pub(crate) fn objects(&self) -> ObjectsClient<Channel> {
        let client = ObjectsClient::new(self.channel.clone());
        client.max_decoding_message_size(LARGEST_MESSAGE).max_encoding_message_size(LARGEST_MESSAGE)
    }

    /// The cluster API.
    pub(crate) fn cluster(&self) -> ClusterClient<Channel> {
        ClusterClient::new(self.channel.clone())
    }

    /// A request that must be answered in time.
    pub(crate) fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request.set_timeout(self.timeout);
        request
    }

    /// `kind` in `namespace`, or in ours; cluster-scoped kinds are in none.
    pub(crate) fn target(&self, kind: &Kind, namespace: Option<&str>, name: &str) -> Target {
        let namespace = if kind.namespaced { namespace.unwrap_or(&self.namespace) } else { "" };
        Target {
            group: kind.group.clone(),
            version: kind.version.clone(),
            resource: kind.plural.clone(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: String::new(),
        }
    }
}
