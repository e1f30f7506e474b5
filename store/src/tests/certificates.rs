//! A peer CA for tests, and what its members need.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::config::PeerTls;

pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    pub(super) fn new() -> Authority {
        let key = KeyPair::generate().expect("keys can be made");
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("the CA signs itself").der().clone();
        Authority { issuer: Issuer::new(params, key), certificate }
    }

    /// Both directions for a member on 127.0.0.1.
    pub(super) fn peer_tls(&self) -> PeerTls {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("our CA is one");
        let roots = Arc::new(roots);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
        let verifier = verifier.build().expect("the verifier has a root");
        let (chain, key) = self.leaf();
        let server = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let server = server.expect("ring speaks TLS").with_client_cert_verifier(verifier);
        let server = server.with_single_cert(chain.clone(), key.clone_key()).expect("the leaf fits its key");
        let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let client = client.expect("ring speaks TLS").with_root_certificates(roots);
        let client = client.with_client_auth_cert(chain, key).expect("the leaf fits its key");
        PeerTls { server: Arc::new(server), client: Arc::new(client) }
    }

    fn leaf(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().expect("keys can be made");
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address is a name");
        let leaf = params.signed_by(&key, &self.issuer).expect("the CA signs");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        (vec![leaf.der().clone(), self.certificate.clone()], key)
    }
}
