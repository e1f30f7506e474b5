//! Connections to a pod's own ports.
//!
//! A socket belongs to the network namespace that it is made in, wherever it is used afterwards. So the thread inside the
//! namespace only connects; bytes move on the agent's runtime.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpStream;

use super::NetworkError;
use super::namespace::within;

/// Loopback answers at once, unless the listener's queue is full.
const CONNECT: Duration = Duration::from_secs(10);

/// Connects to a port of loopback in the pinned namespace, or of the node where there is none.
pub async fn connect(namespace: Option<PathBuf>, port: u16) -> Result<TcpStream, NetworkError> {
    let Some(namespace) = namespace else { return loopback(Path::new("localhost"), port).await };
    let pin = namespace.clone();
    let failed = |path: &Path, source| NetworkError::Io { operation: "connect inside", path: path.to_owned(), source };
    let stream = within(&namespace, move |_| async move {
        let stream = loopback(&pin, port).await?;
        stream.into_std().map_err(|source| failed(&pin, source))
    });
    TcpStream::from_std(stream.await?).map_err(|source| failed(&namespace, source))
}

/// Tries both of its addresses; tells about the first.
async fn loopback(place: &Path, port: u16) -> Result<TcpStream, NetworkError> {
    let connecting = async {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            Ok(stream) => Ok(stream),
            Err(first) => TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.map_err(|_| first),
        }
    };
    let connected = tokio::time::timeout(CONNECT, connecting).await;
    let connected = connected.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
    connected.map_err(|source| NetworkError::Io { operation: "connect inside", path: place.to_owned(), source })
}
