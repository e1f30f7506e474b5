//! The REST face, spoken directly: what kubectl would not let through (bad input, above all) can be sent too.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(10);

/// A client of one master.
pub struct Rest {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
}

/// Certificates in PEM, as a kubeconfig holds them.
pub struct Identity {
    /// The CA that signed the master's certificate.
    pub ca: Vec<u8>,
    /// Our own certificate and key; none makes an anonymous caller.
    pub own: Option<(Vec<u8>, Vec<u8>)>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub code: u16,
    /// The body, or null if it is not JSON.
    pub body: Value,
}

impl Rest {
    /// A client of the master at `address`.
    pub fn new(address: SocketAddr, identity: &Identity) -> Result<Rest> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&identity.ca) {
            roots.add(certificate.context("read the CA")?).context("trust the CA")?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let builder = builder.with_root_certificates(roots);
        let tls = match &identity.own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>()?;
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key).context("read the key")?)?
            }
        };
        Ok(Rest { address, tls: Arc::new(tls) })
    }

    /// One request on a connection of its own.
    pub fn send(&self, method: &str, path: &str, content_type: &str, body: &str) -> Result<Reply> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)
            .with_context(|| format!("connect to {}", self.address))?;
        stream.set_read_timeout(Some(PATIENCE)).context("set a deadline")?;
        let name = ServerName::from(self.address.ip());
        let session = ClientConnection::new(Arc::clone(&self.tls), name).context("start TLS")?;
        let mut stream = StreamOwned::new(session, stream);
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nContent-Type: {content_type}\r\nAccept: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        parse(&read(&mut stream)?).with_context(|| format!("{method} {path}"))
    }
}

/// A peer that closes without TLS's goodbye has said all the same what it said.
fn read(stream: &mut impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error).context("read the answer"),
        _ => Ok(bytes),
    }
}

fn parse(bytes: &[u8]) -> Result<Reply> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").context("the answer is cut off")?;
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("the answer has no status")?;
    Ok(Reply { code, body: serde_json::from_str(body).unwrap_or(Value::Null) })
}

/// The identity in a kubeconfig with inline data, as masters write it.
pub fn identity(kubeconfig: &Path) -> Result<Identity> {
    let text = std::fs::read_to_string(kubeconfig).with_context(|| format!("read {}", kubeconfig.display()))?;
    let ca = inline(&text, "certificate-authority-data")?;
    Ok(Identity { ca, own: Some((inline(&text, "client-certificate-data")?, inline(&text, "client-key-data")?)) })
}

fn inline(text: &str, field: &str) -> Result<Vec<u8>> {
    let lines = text.lines().filter_map(|line| line.trim().trim_start_matches("- ").split_once(':'));
    let value = lines
        .into_iter()
        .find(|(key, _)| key.trim_matches('"') == field)
        .map(|(_, value)| value.trim().trim_matches('"'));
    let value = value.with_context(|| format!("the kubeconfig has no {field}"))?;
    STANDARD.decode(value).with_context(|| format!("{field} is base64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_its_json() {
        let reply = parse(b"HTTP/1.0 404 Not Found\r\na: b\r\n\r\n{\"reason\":\"NotFound\"}").expect("whole");
        assert_eq!((reply.code, reply.body["reason"].as_str()), (404, Some("NotFound")));
        assert!(parse(b"HTTP/1.0 404").is_err());
    }

    #[test]
    fn inline_data_is_found_wherever_it_stands() {
        assert_eq!(inline("users:\n- user:\n    client-key-data: aGk=\n", "client-key-data").expect("there"), b"hi");
        assert!(inline("users: []\n", "client-key-data").is_err());
    }
}
