//! A joiner against listeners that are not its cluster: what it tells them, and what it says about them.

use rcgen::{BasicConstraints, IsCa, Issuer};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

const TIMEOUT: Duration = Duration::from_secs(5);

struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn token(&self) -> JoinToken {
        JoinToken { ca_hash: tls::fingerprint(&self.certificate), id: "id".into(), secret: "topsecret".into() }
    }

    /// A listener with a leaf of this authority for `name`, showing `shown` as its CA. Returns what it was told after the
    /// handshake.
    async fn listen(&self, name: &str, shown: &Self) -> (Endpoint, JoinHandle<Vec<u8>>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let key = tls::private_key(key.serialize_pem().as_bytes()).unwrap();
        let mut config = rustls::ServerConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf, shown.certificate.clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
        (endpoint, tokio::spawn(record(listener, TlsAcceptor::from(Arc::new(config)))))
    }
}

async fn record(listener: TcpListener, acceptor: TlsAcceptor) -> Vec<u8> {
    let (tcp, _) = listener.accept().await.unwrap();
    let mut heard = Vec::new();
    if let Ok(mut stream) = acceptor.accept(tcp).await {
        tokio::time::timeout(TIMEOUT, stream.read_to_end(&mut heard)).await.ok();
    }
    heard
}

fn agent() -> Applicant {
    Applicant { role: Role::Agent, name: "n1".into(), addresses: Vec::new() }
}

#[tokio::test]
async fn another_clusters_listener_learns_nothing() {
    let (own, other) = (Authority::new(), Authority::new());
    let (endpoint, heard) = other.listen("127.0.0.1", &other).await;
    let refused = join(&endpoint, &own.token(), &agent(), TIMEOUT).await.err().unwrap();
    assert!(matches!(refused, JoinError::WrongAuthority { .. }), "{refused:?}");
    assert_eq!(heard.await.unwrap(), b"");
}

#[tokio::test]
async fn showing_the_right_ca_without_its_key_is_not_enough() {
    let (own, other) = (Authority::new(), Authority::new());
    let (endpoint, heard) = other.listen("127.0.0.1", &own).await;
    let refused = join(&endpoint, &own.token(), &agent(), TIMEOUT).await.err().unwrap();
    assert!(matches!(&refused, JoinError::Dial(dial) if dial.tls().is_some()), "{refused:?}");
    assert_eq!(heard.await.unwrap(), b"");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_enough() {
    let own = Authority::new();
    let (endpoint, heard) = own.listen("other.example", &own).await;
    let refused = join(&endpoint, &own.token(), &agent(), TIMEOUT).await.err().unwrap();
    assert!(matches!(&refused, JoinError::Dial(dial) if dial.tls().is_some()), "{refused:?}");
    assert_eq!(heard.await.unwrap(), b"");
}

#[tokio::test]
async fn the_right_cluster_is_told() {
    let own = Authority::new();
    let (endpoint, heard) = own.listen("127.0.0.1", &own).await;
    let unanswered = join(&endpoint, &own.token(), &agent(), Duration::from_secs(1)).await.err().unwrap();
    assert!(unanswered.is_transient(), "{unanswered:?}");
    let heard = heard.await.unwrap();
    assert!(heard.windows(9).any(|bytes| bytes == b"topsecret"), "the recorder hears what is said");
}
