//! Renewal against a small master that signs what it is asked for.

use std::sync::atomic::{AtomicUsize, Ordering};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use rcgen::{BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::CertificateSigningRequestDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tonic::{Request, Response, Status};
use xebec_proto::join::Joined;
use xebec_proto::tls::{private_key, provider};
use xebec_proto::v1::bootstrap_server::{Bootstrap, BootstrapServer};
use xebec_proto::v1::{JoinRequest, JoinResponse};

use super::*;

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// Signs for anybody, for a thousand years.
struct Signer {
    issuer: Arc<Issuer>,
    asked: Arc<AtomicUsize>,
}

#[tonic::async_trait]
impl Bootstrap for Signer {
    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let asked = request.into_inner();
        assert_eq!((asked.name.as_str(), asked.token_id.as_str()), ("n1", ""));
        let der = CertificateSigningRequestDer::from(asked.client_csr.to_vec());
        let signed = CertificateSigningRequestParams::from_der(&der).unwrap().signed_by(&self.issuer).unwrap();
        let client_certificate = signed.pem() + &self.issuer.pem();
        Ok(Response::new(JoinResponse { client_certificate, ..JoinResponse::default() }))
    }
}

/// A member of a cluster of one master, whose own certificate lives from one year to another.
struct Member {
    pki: Pki,
    tls: watch::Sender<Arc<ClientConfig>>,
    asked: Arc<AtomicUsize>,
    _directory: tempfile::TempDir,
}

impl Member {
    async fn new(years: std::ops::Range<i32>) -> Member {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = Arc::new(Issuer::self_signed(params, KeyPair::generate().unwrap()).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let cluster = SavedCluster {
            node_name: "n1".into(),
            cluster_id: "c".into(),
            cluster_cidr: "10.42.0.0/16".into(),
            service_cidr: "10.43.0.0/16".into(),
            masters: vec!["127.0.0.1:1".into(), listener.local_addr().unwrap().to_string()],
        };
        let response = JoinResponse { serving_ca: issuer.pem(), ..JoinResponse::default() };
        let joined = Joined { client: leaf(&issuer, years), serving: None, peer: None, response };
        let pki = Pki::new(directory.path());
        pki.save(&cluster, &joined).unwrap();
        let tls = watch::Sender::new(read_credentials(&pki.load().unwrap().unwrap().1).unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        tokio::spawn(serve(listener, acceptor(&issuer), Signer { issuer, asked: asked.clone() }));
        Member { pki, tls, asked, _directory: directory }
    }

    fn certificate(&self) -> Vec<u8> {
        self.pki.load().unwrap().unwrap().1.certificate
    }
}

fn leaf(issuer: &Issuer, years: std::ops::Range<i32>) -> KeyedChain {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
    KeyedChain { chain: params.signed_by(&key, issuer).unwrap().pem(), key: key.serialize_pem() }
}

fn acceptor(issuer: &Issuer) -> TlsAcceptor {
    let own = leaf(issuer, 2000..4000);
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates(own.chain.as_bytes()).unwrap(), private_key(own.key.as_bytes()).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, signer: Signer) {
    let routes = tonic::service::Routes::new(BootstrapServer::new(signer));
    while let Ok((tcp, _)) = listener.accept().await {
        let stream = TokioIo::new(tls.accept(tcp).await.unwrap());
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(stream, TowerToHyperService::new(routes.clone()));
        tokio::spawn(connection);
    }
}

#[tokio::test]
async fn a_fresh_certificate_stays() {
    let member = Member::new(2020..4000).await;
    let before = member.certificate();
    let wait = renew_if_due(&member.pki, &member.tls).await.unwrap();
    assert!(wait > LOOK);
    assert_eq!((member.certificate(), member.asked.load(Ordering::Relaxed)), (before, 0));
}

#[tokio::test]
async fn an_aged_certificate_is_replaced_on_disk_and_in_use() {
    let member = Member::new(1980..2040).await;
    let (before, mut in_use) = (member.certificate(), member.tls.subscribe());
    let wait = renew_if_due(&member.pki, &member.tls).await.unwrap();
    assert!(wait > LOOK, "the new one is fresh");
    assert!(in_use.has_changed().unwrap());
    let shown = in_use.borrow_and_update().clone();
    assert_ne!(member.certificate(), before);
    assert!(Arc::ptr_eq(&shown, &member.tls.borrow()));
    renew_if_due(&member.pki, &member.tls).await.unwrap();
    assert_eq!(member.asked.load(Ordering::Relaxed), 1, "once is enough");
}

#[tokio::test]
async fn without_a_master_the_old_one_stays() {
    let member = Member::new(1980..2040).await;
    let mut cluster = member.pki.load().unwrap().unwrap().0;
    cluster.masters.truncate(1);
    member.pki.save_cluster(&cluster).unwrap();
    let before = member.certificate();
    let refused = renew_if_due(&member.pki, &member.tls).await.unwrap_err();
    assert!(matches!(refused, RenewalError::Join(_)), "{refused:?}");
    assert_eq!(member.certificate(), before);
}
