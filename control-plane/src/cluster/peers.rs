//! Asking another master's API, as a master.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tonic::transport::Channel;
use tonic::{Request, Status};
use xebec_proto::dial::{Endpoint, dial};
use xebec_proto::v1::cluster_client::ClusterClient;

/// Says that a master has forwarded this request.
const FORWARDED: &str = "xebec-forwarded";

/// Dials other masters with this master's client certificate.
#[derive(Clone)]
pub struct MasterClient {
    tls: Arc<ClientConfig>,
}

impl MasterClient {
    /// With this master's TLS.
    pub fn new(tls: Arc<ClientConfig>) -> Self {
        Self { tls }
    }

    /// The Cluster service of the master whose API is at `host:port`.
    pub async fn cluster(&self, address: &str, timeout: Duration) -> Result<ClusterClient<Channel>, Status> {
        let endpoint: Endpoint =
            address.parse().map_err(|_| Status::internal("a member's API address cannot be read"))?;
        let unreachable = |error| Status::unavailable(format!("the master at {address} cannot be reached: {error}"));
        Ok(ClusterClient::new(dial(&endpoint, self.tls.clone(), timeout).await.map_err(unreachable)?))
    }
}

/// A request that the next master will not forward again, with a deadline.
pub fn forwarded<T>(message: T, timeout: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(timeout);
    request.metadata_mut().insert(FORWARDED, tonic::metadata::MetadataValue::from_static("1"));
    request
}

/// Whether another master has forwarded it.
pub fn is_forwarded<T>(request: &Request<T>) -> bool {
    request.metadata().contains_key(FORWARDED)
}
