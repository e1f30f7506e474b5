//! Where a master is reached: a host and a port, parsed once from what people write.

use std::fmt;
use std::str::FromStr;

/// The port of the masters' API when none is written.
pub const API_PORT: u16 = 6443;

/// A host (DNS name or IP address, without brackets) and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// Why a text names no endpoint.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not an address: write https://HOST:PORT or HOST:PORT")]
pub struct EndpointError {
    text: String,
}

impl Endpoint {
    /// From parts that are known to be good.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// The DNS name or IP address, as the server's certificate must carry it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `https://host:port`
    pub fn url(&self) -> String {
        format!("https://{self}")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    /// Takes `https://host:port`, `host:port`, `host`, `[v6]:port` and `[v6]`; a trailing `/` is allowed.
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        parse(text).ok_or_else(|| EndpointError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Endpoint> {
    let authority = text.strip_prefix("https://").unwrap_or(text);
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port) = split(authority)?;
    let port = port.map_or(Some(API_PORT), |port| port.parse().ok().filter(|port| *port != 0))?;
    rustls::pki_types::ServerName::try_from(host).ok()?;
    Some(Endpoint::new(host, port))
}

fn split(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return if rest.is_empty() { Some((host, None)) } else { Some((host, Some(rest.strip_prefix(':')?))) };
    }
    Some(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<(&str, &str)>) {
        let found = text.parse::<Endpoint>().ok().map(|e| (e.host().to_owned(), e.to_string()));
        assert_eq!(found, expect.map(|(h, s)| (h.to_owned(), s.to_owned())), "{text}");
    }

    #[test]
    fn what_people_write() {
        check("https://m1:6443", Some(("m1", "m1:6443")));
        check("https://m1.example.org", Some(("m1.example.org", "m1.example.org:6443")));
        check("10.0.0.1:7000/", Some(("10.0.0.1", "10.0.0.1:7000")));
        check("https://[fd00::1]:6443", Some(("fd00::1", "[fd00::1]:6443")));
        check("[fd00::1]", Some(("fd00::1", "[fd00::1]:6443")));
    }

    #[test]
    fn what_is_refused() {
        for text in ["", "http://m1:6443", "m1:0", "m1:x", "m1:70000", "fd00::1", "m1/path", "[fd00::1]x", "a b:1"] {
            check(text, None);
        }
    }
}
