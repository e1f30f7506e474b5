//! What this machine is called, and where others reach it, when nobody says.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use anyhow::{Context, Result};

/// Any address beyond the default route (RFC 5737 keeps this one for documentation). Nothing is sent to it.
const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

/// The host's name, as a DNS label would have it: lower case, up to the first dot.
pub(crate) fn name() -> Result<String> {
    let full = nix::unistd::gethostname().context("read the host's name")?;
    let full = full.to_string_lossy().to_ascii_lowercase();
    Ok(full.split('.').next().unwrap_or_default().to_owned())
}

/// The address that packets to elsewhere would carry.
pub(crate) fn default_address() -> Result<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).context("open a socket")?;
    socket.connect(ELSEWHERE).context("this machine has no default route, so its own address must be named")?;
    Ok(socket.local_addr().context("ask for a socket's address")?.ip())
}
