//! A certificate in use that can be replaced while connections come and go: each handshake takes the newest.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use xebec_proto::join::KeyedChain;
use xebec_proto::tls;

use super::PkiError;

/// The certificate that handshakes show now, as server or as client. Names asked for by a client change nothing.
pub struct Rotating {
    current: ArcSwap<CertifiedKey>,
}

impl Rotating {
    /// Starts with this one.
    pub fn new(keyed: &KeyedChain) -> Result<Arc<Self>, PkiError> {
        Ok(Arc::new(Self { current: ArcSwap::from_pointee(certified(keyed)?) }))
    }

    /// From now on, this one.
    pub fn replace(&self, keyed: &KeyedChain) -> Result<(), PkiError> {
        self.current.store(Arc::new(certified(keyed)?));
        Ok(())
    }
}

fn certified(keyed: &KeyedChain) -> Result<CertifiedKey, PkiError> {
    let what = "certificate in use";
    let chain = tls::certificates(keyed.chain.as_bytes()).map_err(PkiError::pem(what))?;
    let key = tls::private_key(keyed.key.as_bytes()).map_err(PkiError::pem(what))?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key).map_err(PkiError::tls(what))?;
    Ok(CertifiedKey::new(chain, key))
}

impl fmt::Debug for Rotating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rotating")
    }
}

impl ResolvesServerCert for Rotating {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl ResolvesClientCert for Rotating {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
