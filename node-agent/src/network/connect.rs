//! Connections to a pod's own ports.
//!
//! A socket belongs to the network namespace that it is made in, wherever it is used afterwards. So the thread inside the
//! namespace only connects; bytes move on the agent's runtime.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpStream;

use super::NetworkError;
use super::namespace::within;

/// What is in the pod answers at once, unless the listener's queue is full.
const CONNECT: Duration = Duration::from_secs(10);

/// Where inside a pod a connection goes.
#[derive(Clone, Copy, Debug)]
pub enum Inside {
    /// To a port of loopback, where only the pod's own processes come.
    Loopback(u16),
    /// To the pod's address, as its neighbours do.
    Address(SocketAddr),
}

impl Inside {
    fn addresses(self) -> Vec<SocketAddr> {
        match self {
            Inside::Loopback(port) => {
                let both = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
                both.map(|address| SocketAddr::new(address, port)).to_vec()
            }
            Inside::Address(address) => vec![address],
        }
    }
}

/// Connects inside the pinned namespace, or on the node where there is none.
pub async fn connect(namespace: Option<PathBuf>, to: Inside) -> Result<TcpStream, NetworkError> {
    let Some(namespace) = namespace else { return first_of(Path::new("localhost"), to).await };
    let pin = namespace.clone();
    let failed = |path: &Path, source| NetworkError::Io { operation: "connect inside", path: path.to_owned(), source };
    let stream = within(&namespace, move |_| async move {
        let stream = first_of(&pin, to).await?;
        stream.into_std().map_err(|source| failed(&pin, source))
    });
    TcpStream::from_std(stream.await?).map_err(|source| failed(&namespace, source))
}

/// Tries each of its addresses; tells about the first.
async fn first_of(place: &Path, to: Inside) -> Result<TcpStream, NetworkError> {
    let connecting = async {
        let mut first = None;
        for address in to.addresses() {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => drop(first.get_or_insert(error)),
            }
        }
        Err(first.unwrap_or_else(|| std::io::ErrorKind::AddrNotAvailable.into()))
    };
    let connected = tokio::time::timeout(CONNECT, connecting).await;
    let connected = connected.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
    connected.map_err(|source| NetworkError::Io { operation: "connect inside", path: place.to_owned(), source })
}
