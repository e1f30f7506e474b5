//! TLS as everybody here speaks it: ring, certificates as PEM, a client certificate where the caller has one.

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use sha2::{Digest, Sha256};

/// Why certificates or keys could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The text holds no certificate, or a broken one.
    #[error("cannot read a certificate from PEM")]
    Certificate(#[source] pem::Error),
    /// The text holds no private key, or a broken one.
    #[error("cannot read a private key from PEM")]
    Key(#[source] pem::Error),
    /// Certificates and key were read, and TLS refuses them.
    #[error("TLS cannot use these certificates")]
    Refused(#[source] rustls::Error),
}

/// What a caller proves itself with: its certificate chain, leaf first, and the key of the leaf.
pub struct ClientIdentity {
    /// Leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's.
    pub key: PrivateKeyDer<'static>,
}

impl ClientIdentity {
    /// Reads both from PEM.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Ok(Self { chain: certificates(chain)?, key: private_key(key)? })
    }
}

/// The one cryptography provider.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// All certificates of a PEM text; at least one.
pub fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().map_err(TlsError::Certificate)?;
    if found.is_empty() { Err(TlsError::Certificate(pem::Error::NoItemsFound)) } else { Ok(found) }
}

/// The first private key of a PEM text.
pub fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(text).map_err(TlsError::Key)
}

/// A trust store of exactly these authorities.
pub fn roots(authorities: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for authority in authorities {
        store.add(authority.clone()).map_err(TlsError::Refused)?;
    }
    Ok(store)
}

/// A client that trusts the authorities of a PEM text and nobody else.
pub fn client_config(authorities: &[u8], identity: Option<ClientIdentity>) -> Result<Arc<ClientConfig>, TlsError> {
    let builder = versions()?.with_root_certificates(roots(&certificates(authorities)?)?);
    finish(builder, identity)
}

pub(crate) fn versions() -> Result<ConfigBuilder<ClientConfig, rustls::WantsVerifier>, TlsError> {
    ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(TlsError::Refused)
}

pub(crate) fn finish(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    identity: Option<ClientIdentity>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let config = match identity {
        Some(identity) => builder.with_client_auth_cert(identity.chain, identity.key).map_err(TlsError::Refused)?,
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// SHA-256 of a certificate's DER: how join tokens name an authority.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> [u8; 32] {
    Sha256::digest(certificate).into()
}
