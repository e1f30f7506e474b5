//! The peers' network, over turmoil's TCP. Without TLS: what it protects from is not simulated here.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures::stream;
use tonic::transport::Channel;
use turmoil::net::{TcpListener, TcpStream};
use xebec_proto::dial::{DialError, Endpoint, connect_lazy_over};
use xebec_store::world::{Incoming, PeerIo, PeerListener, PeerNetwork, PeerStream};

use crate::mutant::Mutant;
use crate::yes_man;

/// Where all members listen.
pub(crate) const PORT: u16 = 6444;

/// Dials over the simulated network.
pub(crate) struct SimNetwork {
    /// A fault put in on purpose.
    pub(crate) mutant: Option<Mutant>,
}

impl PeerNetwork for SimNetwork {
    fn channel(&self, peer: &Endpoint, timeout: Duration) -> Result<Channel, DialError> {
        let (endpoint, mutant) = (peer.clone(), self.mutant);
        connect_lazy_over(peer, move || establish(endpoint.clone(), timeout, mutant))
    }
}

async fn establish(
    endpoint: Endpoint,
    timeout: Duration,
    mutant: Option<Mutant>,
) -> Result<Box<dyn PeerIo>, DialError> {
    match dial(endpoint, timeout).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(_) if mutant == Some(Mutant::ShortQuorum) => Ok(Box::new(yes_man::connect())),
        Err(error) => Err(error),
    }
}

async fn dial(endpoint: Endpoint, timeout: Duration) -> Result<TcpStream, DialError> {
    let address = (endpoint.host().to_owned(), endpoint.port());
    match tokio::time::timeout(timeout, TcpStream::connect(address)).await {
        Ok(dialled) => dialled.map_err(|source| DialError::Connect { endpoint, source }),
        Err(_) => Err(DialError::Timeout { endpoint, timeout }),
    }
}

/// A simulated port.
pub(crate) struct SimListener;

impl PeerListener for SimListener {
    fn incoming(self: Box<Self>) -> Incoming {
        Box::pin(stream::unfold(None, |listener| async {
            match accept(listener).await {
                Ok((listener, stream)) => Some((Ok(PeerStream::new(stream)), Some(listener))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }
}

async fn accept(listener: Option<TcpListener>) -> io::Result<(TcpListener, TcpStream)> {
    let listener = match listener {
        Some(listener) => listener,
        None => TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?,
    };
    let (stream, _) = listener.accept().await?;
    Ok((listener, stream))
}
