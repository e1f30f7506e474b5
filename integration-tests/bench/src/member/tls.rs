//! The peers' certificates, from files.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use xebec_store::PeerTls;

/// Both directions, from `ca.pem`, `leaf.pem` and `key.pem`.
pub(super) fn peer_tls(dir: &Path) -> Result<PeerTls> {
    let ca = certificate(&dir.join("ca.pem"))?;
    let leaf = certificate(&dir.join("leaf.pem"))?;
    let path = dir.join("key.pem");
    let key = PrivateKeyDer::from_pem_file(&path).with_context(|| format!("read {}", path.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(ca).context("trust the peers' CA")?;
    let roots = Arc::new(roots);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build()?;
    let server = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let server = server.with_client_cert_verifier(verifier).with_single_cert(vec![leaf.clone()], key.clone_key())?;
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let client = client.with_root_certificates(roots).with_client_auth_cert(vec![leaf], key)?;
    Ok(PeerTls { server: Arc::new(server), client: Arc::new(client) })
}

fn certificate(path: &Path) -> Result<CertificateDer<'static>> {
    CertificateDer::from_pem_file(path).with_context(|| format!("read {}", path.display()))
}
