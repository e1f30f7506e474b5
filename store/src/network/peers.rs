//! Channels to the other members.
//!
//! Each kind of traffic has a connection of its own to each peer, so that a heartbeat never waits behind a batch of
//! entries and neither waits behind a snapshot.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tonic::transport::Channel;
use xebec_proto::dial::{DialError, Endpoint, connect_lazy};
use xebec_proto::peer::Envelope;
use xebec_proto::peer::peer_client::PeerClient;

use crate::world::PeerNetwork;

/// A dead host answers nothing; its channel must be free for the next attempt soon.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// Larger than any batch of entries.
pub(crate) const MAX_MESSAGE: usize = 64 << 20;

/// Kinds of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Heartbeats.
    Heartbeat,
    /// Entries, votes, leader transfer.
    Log,
    /// Snapshots.
    Snapshot,
    /// Forwarded proposals and reads.
    Forward,
}

/// Why a peer could not be called.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerError {
    /// The address in the membership is none.
    #[error("`{address}` is not an address")]
    Address {
        /// As it stands in the membership.
        address: String,
    },
    /// No channel can be made for it.
    #[error("cannot dial {address}")]
    Dial {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: DialError,
    },
}

/// TCP and TLS.
pub(crate) struct TlsNetwork(Arc<rustls::ClientConfig>);

impl TlsNetwork {
    pub(crate) fn new(tls: Arc<rustls::ClientConfig>) -> TlsNetwork {
        TlsNetwork(tls)
    }
}

impl PeerNetwork for TlsNetwork {
    fn channel(&self, peer: &Endpoint, timeout: Duration) -> Result<Channel, DialError> {
        connect_lazy(peer, self.0.clone(), timeout)
    }
}

/// All channels of this member.
pub(crate) struct Peers {
    network: Arc<dyn PeerNetwork>,
    cluster_id: String,
    node_id: u64,
    channels: Mutex<BTreeMap<(String, Lane), Channel>>,
}

impl Peers {
    pub(crate) fn new(network: Arc<dyn PeerNetwork>, cluster_id: &str, node_id: u64) -> Peers {
        Peers { network, cluster_id: cluster_id.to_owned(), node_id, channels: Mutex::default() }
    }

    /// What stands at the head of a message to a member.
    pub(crate) fn envelope(&self, to: u64) -> Envelope {
        Envelope { cluster_id: self.cluster_id.clone(), from: self.node_id, to }
    }

    /// A client for an address. Connects when used, and again after a failure.
    pub(crate) fn client(&self, address: &str, lane: Lane) -> Result<PeerClient<Channel>, PeerError> {
        let channel = self.channel(address, lane)?;
        Ok(PeerClient::new(channel).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE))
    }

    fn channel(&self, address: &str, lane: Lane) -> Result<Channel, PeerError> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(&(address.to_owned(), lane)) {
            return Ok(channel.clone());
        }
        let endpoint: Endpoint = address.parse().map_err(|_| PeerError::Address { address: address.to_owned() })?;
        let dial = |source| PeerError::Dial { address: address.to_owned(), source };
        let channel = self.network.channel(&endpoint, CONNECT_TIMEOUT).map_err(dial)?;
        channels.insert((address.to_owned(), lane), channel.clone());
        Ok(channel)
    }
}
