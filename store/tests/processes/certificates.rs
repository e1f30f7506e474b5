//! One CA and one leaf for all members of a story.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use xebec_store::PeerTls;

/// Where members of stories may be.
const NAMES: [&str; 4] = ["127.0.0.1", "10.77.0.1", "10.77.0.2", "10.77.0.3"];

/// Writes `ca.pem`, `leaf.pem` and `key.pem`.
pub(crate) fn write(dir: &Path) {
    let authority = KeyPair::generate().expect("keys can be made");
    let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&authority).expect("the CA signs itself");
    let issuer = Issuer::new(params, authority);
    let key = KeyPair::generate().expect("keys can be made");
    let leaf = CertificateParams::new(NAMES.map(str::to_owned)).expect("addresses are names");
    let leaf = leaf.signed_by(&key, &issuer).expect("the CA signs");
    for (name, text) in [("ca.pem", ca.pem()), ("leaf.pem", leaf.pem()), ("key.pem", key.serialize_pem())] {
        std::fs::write(dir.join(name), text).expect("there is room");
    }
}

/// Reads them again.
pub(crate) fn peer_tls(dir: &Path) -> PeerTls {
    let ca = CertificateDer::from_pem_file(dir.join("ca.pem")).expect("the parent wrote it");
    let leaf = CertificateDer::from_pem_file(dir.join("leaf.pem")).expect("the parent wrote it");
    let key = PrivateKeyDer::from_pem_file(dir.join("key.pem")).expect("the parent wrote it");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca).expect("our CA is one");
    let roots = Arc::new(roots);
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build();
    let server = rustls::ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let server = server.expect("ring speaks TLS").with_client_cert_verifier(verifier.expect("it has a root"));
    let server = server.with_single_cert(vec![leaf.clone()], key.clone_key()).expect("the leaf fits its key");
    let client = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = client.expect("ring speaks TLS").with_root_certificates(roots);
    let client = client.with_client_auth_cert(vec![leaf], key).expect("the leaf fits its key");
    PeerTls { server: Arc::new(server), client: Arc::new(client) }
}
