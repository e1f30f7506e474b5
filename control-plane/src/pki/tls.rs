//! The masters' TLS: the API's listener, the peers' two ends, and a master as a client of another's API.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};
use xebec_proto::tls::{provider, roots};

use super::PkiError;
use super::directory::Pki;

/// Both ends of the connections between masters.
#[derive(Clone)]
pub struct PeerConfigs {
    /// Demands a peer's certificate.
    pub server: Arc<ServerConfig>,
    /// Shows a peer's certificate.
    pub client: Arc<ClientConfig>,
}

/// The API's listener. A client certificate may be missing (joiners have none yet); one that is shown must be good.
pub fn api_server(pki: &Pki) -> Result<Arc<ServerConfig>, PkiError> {
    let verifier = client_verifier(pki.authorities.client.certificate(), Anonymous::Allowed)?;
    let mut config = server(rustls::DEFAULT_VERSIONS, verifier)?.with_cert_resolver(pki.serving.clone());
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A session that is taken up again would bring its client's certificate along, unverified.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// A master as a client of another master's API.
pub fn api_client(pki: &Pki) -> Result<Arc<ClientConfig>, PkiError> {
    let trusted = roots(&[pki.authorities.serving.certificate().clone()]).map_err(PkiError::pem("serving CA"))?;
    let config = client(trusted)?.with_client_cert_resolver(pki.client.clone());
    Ok(Arc::new(config))
}

/// Raft's connections: TLS 1.3, certificates of the peer CA on both ends.
pub fn peers(pki: &Pki) -> Result<PeerConfigs, PkiError> {
    let authority = pki.authorities.peer.certificate();
    let verifier = client_verifier(authority, Anonymous::Refused)?;
    let mut server = server(&[&rustls::version::TLS13], verifier)?.with_cert_resolver(pki.peer.clone());
    server.alpn_protocols = vec![b"h2".to_vec()];
    let trusted = roots(std::slice::from_ref(authority)).map_err(PkiError::pem("peer CA"))?;
    let client = client(trusted)?.with_client_cert_resolver(pki.peer.clone());
    Ok(PeerConfigs { server: Arc::new(server), client: Arc::new(client) })
}

#[derive(Clone, Copy, PartialEq)]
enum Anonymous {
    Allowed,
    Refused,
}

fn client_verifier(
    authority: &CertificateDer<'static>,
    anonymous: Anonymous,
) -> Result<Arc<dyn ClientCertVerifier>, PkiError> {
    let what = "CA of client certificates";
    let trusted = roots(std::slice::from_ref(authority)).map_err(PkiError::pem(what))?;
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), provider());
    if anonymous == Anonymous::Allowed {
        builder = builder.allow_unauthenticated();
    }
    builder.build().map_err(|error| PkiError::Tls { what, source: rustls::Error::General(error.to_string()) })
}

fn server(
    versions: &[&'static SupportedProtocolVersion],
    verifier: Arc<dyn ClientCertVerifier>,
) -> Result<rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>, PkiError> {
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions);
    Ok(builder.map_err(PkiError::tls("listener"))?.with_client_cert_verifier(verifier))
}

fn client(
    trusted: rustls::RootCertStore,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, PkiError> {
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&rustls::version::TLS13]);
    Ok(builder.map_err(PkiError::tls("client"))?.with_root_certificates(trusted))
}
