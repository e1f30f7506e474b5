//! TCP probes: a connection that opens is a success.

use tokio::net::TcpStream;

use super::ProbeError;

pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, ProbeError> {
    let failed = |source| ProbeError::Connect { address: format!("{host}:{port}"), source };
    TcpStream::connect((host, port)).await.map_err(failed)
}
