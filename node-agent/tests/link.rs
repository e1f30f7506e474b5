//! The link against two small masters over real TLS and gRPC: one that dies, one that falls silent.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::Stream;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use k8s_openapi::api::core::v1::{Node, PodStatus};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use xebec_node_agent::link::{Link, LinkConfig, Membership, NetworkUpdate, Work};
use xebec_proto::v1::network_change::Change;
use xebec_proto::v1::node_down::Message as Down;
use xebec_proto::v1::node_up::Message as Up;
use xebec_proto::v1::nodes_server::{Nodes, NodesServer};
use xebec_proto::v1::{
    MastersChanged, NetworkChange, NodeDown, NodeUp, PodAssigned, StreamFrame, SyncComplete, Welcome,
};

const PATIENCE: Duration = Duration::from_secs(10);
type Frames<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What a master heard.
#[derive(Debug, PartialEq)]
enum Heard {
    Heartbeat,
    Subscribe(u64),
    PodStatus(String),
}

/// Sends one pod, and says each second that it lives, until it is told to be silent.
#[derive(Clone)]
struct Service {
    masters: Vec<String>,
    heard: mpsc::UnboundedSender<Heard>,
    silent: watch::Receiver<bool>,
}

#[tonic::async_trait]
impl Nodes for Service {
    type SessionStream = Frames<NodeDown>;
    type StreamStream = Frames<StreamFrame>;

    async fn session(&self, request: Request<Streaming<NodeUp>>) -> Result<Response<Frames<NodeDown>>, Status> {
        let (down, stream) = mpsc::channel(64);
        tokio::spawn(self.clone().talk(request.into_inner(), down));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn stream(&self, _: Request<Streaming<StreamFrame>>) -> Result<Response<Frames<StreamFrame>>, Status> {
        Err(Status::unimplemented("no streams here"))
    }
}

impl Service {
    async fn talk(self, mut up: Streaming<NodeUp>, down: mpsc::Sender<Result<NodeDown, Status>>) {
        let masters = self.masters.clone();
        let say = async |message| down.send(Ok(NodeDown { message: Some(message) })).await.is_ok();
        say(Down::Welcome(Welcome { masters: masters.clone(), ..Default::default() })).await;
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            let message = tokio::select! {
                message = up.message() => message,
                _ = tick.tick() => {
                    let alive = Down::MastersChanged(MastersChanged { masters: masters.clone() });
                    if !*self.silent.borrow() && !say(alive).await {
                        return;
                    }
                    continue;
                }
            };
            let Ok(Some(NodeUp { message: Some(message) })) = message else { return };
            let Some(heard) = self.hear(message) else { continue };
            let answer = if matches!(heard, Heard::Subscribe(_)) { state() } else { Vec::new() };
            for message in answer {
                say(message).await;
            }
            self.heard.send(heard).ok();
        }
    }

    fn hear(&self, message: Up) -> Option<Heard> {
        match message {
            Up::Heartbeat(_) => Some(Heard::Heartbeat),
            Up::Subscribe(subscribe) => Some(Heard::Subscribe(subscribe.last_revision)),
            Up::PodStatus(status) => Some(Heard::PodStatus(status.uid)),
            _ => None,
        }
    }
}

fn state() -> Vec<Down> {
    let pod = json!({"metadata": {"name": "a", "namespace": "default", "uid": "u1"}});
    let complete = NetworkChange { generation: 7, change: Some(Change::SnapshotComplete(true)) };
    vec![
        Down::PodAssigned(PodAssigned { revision: 7, pod_json: pod.to_string().into(), references: Vec::new() }),
        Down::NetworkChange(complete),
        Down::SyncComplete(SyncComplete { revision: 7 }),
    ]
}

/// A master's process. Aborting its task closes its connections, as a kill does.
struct Master {
    heard: mpsc::UnboundedReceiver<Heard>,
    silent: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Master {
    fn start(listener: TcpListener, tls: TlsAcceptor, masters: Vec<String>) -> Master {
        let (sender, heard) = mpsc::unbounded_channel();
        let (silent, receiver) = watch::channel(false);
        let service = Service { masters, heard: sender, silent: receiver };
        Master { heard, silent, task: tokio::spawn(serve(listener, tls, service)) }
    }

    async fn hears(&mut self, wanted: impl Fn(&Heard) -> bool) -> Heard {
        let hearing = async {
            let mut heard = self.heard.recv().await;
            while heard.as_ref().is_some_and(|heard| !wanted(heard)) {
                heard = self.heard.recv().await;
            }
            heard.expect("the master lives")
        };
        tokio::time::timeout(PATIENCE, hearing).await.expect("the master did not hear it")
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, service: Service) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let (tls, routes) = (tls.clone(), tonic::service::Routes::new(NodesServer::new(service.clone())));
        connections.spawn(async move {
            let Ok(stream) = tls.accept(tcp).await else { return };
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
            // The agent sees the same end of it.
            drop(connection.await);
        });
    }
}

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn certificate(&self) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn acceptor(&self) -> TlsAcceptor {
        let (certificate, key) = self.certificate();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut config = rustls::ServerConfig::builder_with_provider(xebec_proto::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// What a join leaves behind.
    fn save_membership(&self, data_dir: &Path, masters: &[String]) {
        let pki = data_dir.join("pki");
        std::fs::create_dir_all(&pki).unwrap();
        let (certificate, key) = self.certificate();
        let cluster = json!({"nodeName": "n1", "clusterId": "c", "clusterCidr": "10.42.0.0/16",
            "serviceCidr": "10.43.0.0/16", "masters": masters});
        std::fs::write(pki.join("node.pem"), certificate.pem() + &key.serialize_pem()).unwrap();
        std::fs::write(pki.join("serving-ca.crt"), self.issuer.pem()).unwrap();
        std::fs::write(pki.join("cluster.json"), cluster.to_string()).unwrap();
    }
}

struct World {
    link: Link,
    /// The one that work comes from.
    first: Master,
    other: Master,
    _directory: tempfile::TempDir,
}

async fn world() -> World {
    let (authority, directory) = (Authority::new(), tempfile::tempdir().unwrap());
    let listeners = [TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap()];
    let addresses: Vec<String> = listeners.iter().map(|listener| listener.local_addr().unwrap().to_string()).collect();
    authority.save_membership(directory.path(), &addresses);
    let [mut a, mut b] = listeners.map(|listener| Master::start(listener, authority.acceptor(), addresses.clone()));
    let config =
        LinkConfig { node_name: "n1".into(), data_dir: directory.path().to_owned(), servers: Vec::new(), token: None };
    let membership = Membership::establish(&config).await.unwrap();
    let link = Link::start(membership, &Node::default());
    let a_is_first = tokio::select! {
        _ = a.hears(|heard| matches!(heard, Heard::Subscribe(_))) => true,
        _ = b.hears(|heard| matches!(heard, Heard::Subscribe(_))) => false,
    };
    let (mut first, mut other) = if a_is_first { (a, b) } else { (b, a) };
    for master in [&mut first, &mut other] {
        master.hears(|heard| *heard == Heard::Heartbeat).await;
    }
    World { link, first, other, _directory: directory }
}

impl World {
    /// A whole state: the pod, then its end.
    async fn synced(&mut self) {
        let next = async |link: &mut Link| tokio::time::timeout(PATIENCE, link.work.recv()).await.unwrap().unwrap();
        let work = next(&mut self.link).await;
        assert!(matches!(work, Work::Pod { revision: 7, .. }), "{work:?}");
        let work = next(&mut self.link).await;
        assert!(matches!(&work, Work::Synced { revision: 7, pods } if pods.contains("u1")), "{work:?}");
        assert!(matches!(self.link.network.recv().await, Some(NetworkUpdate::Resync)));
        assert!(matches!(self.link.network.recv().await, Some(NetworkUpdate::Change(_))));
    }
}

#[tokio::test]
async fn a_killed_master_is_replaced_within_a_second_and_told_everything() {
    let mut world = world().await;
    world.synced().await;
    world.link.uplink.pod_status("default", "a", "u1", &PodStatus::default());
    world.first.hears(|heard| *heard == Heard::PodStatus("u1".into())).await;

    world.first.task.abort();
    let killed = Instant::now();
    let subscribe = world.other.hears(|heard| matches!(heard, Heard::Subscribe(_))).await;
    assert_eq!(subscribe, Heard::Subscribe(7), "it must know at least what this node has seen");
    assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
    world.other.hears(|heard| *heard == Heard::PodStatus("u1".into())).await;
    world.synced().await;
}

#[tokio::test]
async fn a_silent_master_is_replaced() {
    let mut world = world().await;
    world.synced().await;
    world.first.silent.send_replace(true);
    world.other.hears(|heard| matches!(heard, Heard::Subscribe(_))).await;
    world.synced().await;
}

#[tokio::test]
async fn a_node_without_invitation_is_told_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let config =
        LinkConfig { node_name: "n1".into(), data_dir: directory.path().to_owned(), servers: Vec::new(), token: None };
    let error = Membership::establish(&config).await.err().unwrap();
    assert!(error.to_string().contains("--token"), "{error}");
}
