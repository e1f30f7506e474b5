//! A small world: nodes and pods as network namespaces, removed when it is dropped.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use xebec_node_agent::link::{NetworkUpdate, Uplink};
use xebec_node_agent::network::{Network, NetworkConfig, PodNetwork};
use xebec_proto::v1::network_change::Change;
use xebec_proto::v1::{Endpoint, NetworkChange, NetworkNode, NetworkPort, NetworkService, ServiceName};

const DEADLINE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(3);
const PORT: u16 = 8080;

/// Namespaces with a common prefix, and a directory.
pub(crate) struct World {
    prefix: String,
    namespaces: Mutex<Vec<String>>,
    directory: tempfile::TempDir,
}

impl World {
    /// Two node namespaces joined by a cable. `None`, with the reason on stderr, where that cannot be.
    pub(crate) fn new(name: &str) -> Option<Arc<World>> {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: network namespaces need root");
            return None;
        }
        if !["ip", "nft"].iter().all(|tool| Command::new(tool).arg("-V").output().is_ok()) {
            eprintln!("skipped: needs the commands ip and nft");
            return None;
        }
        let prefix = format!("xbt{}{name}", std::process::id());
        let directory = tempfile::tempdir().unwrap();
        let world = Arc::new(World { prefix, namespaces: Mutex::default(), directory });
        let [n1, n2] = ["n1", "n2"].map(|node| world.namespace(node));
        ip(&["link", "add", "cable", "netns", &n1, "type", "veth", "peer", "name", "cable", "netns", &n2]);
        for (namespace, address) in [(&n1, "192.0.2.1/24"), (&n2, "192.0.2.2/24")] {
            ip(&["-n", namespace, "address", "add", address, "dev", "cable"]);
            ip(&["-n", namespace, "link", "set", "cable", "up"]);
            ip(&["-n", namespace, "link", "set", "lo", "up"]);
        }
        Some(world)
    }

    fn namespace(&self, name: &str) -> String {
        let name = format!("{}-{name}", self.prefix);
        ip(&["netns", "add", &name]);
        self.namespaces.lock().unwrap().push(name.clone());
        name
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for name in self.namespaces.lock().unwrap().iter() {
            ip(&["netns", "delete", name]);
        }
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn path_of(namespace: &str) -> PathBuf {
    PathBuf::from("/run/netns").join(namespace)
}

/// Runs `work` on a thread inside the namespace.
fn inside<T: Send + 'static>(namespace: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let path = path_of(namespace);
    std::thread::spawn(move || {
        enter(&path);
        work()
    })
    .join()
    .unwrap()
}

fn enter(path: &PathBuf) {
    setns(File::open(path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
}

/// Who answered, and with which address it saw the client.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) answerer: String,
    pub(crate) client: String,
}

fn ask_from(namespace: &str, address: &str) -> std::io::Result<Answer> {
    let address: SocketAddr = address.parse().unwrap();
    let text = inside(namespace, move || {
        let mut stream = TcpStream::connect_timeout(&address, CONNECT)?;
        stream.set_read_timeout(Some(CONNECT))?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    })?;
    let (answerer, client) = text.split_once(' ').expect("name and client");
    Ok(Answer { answerer: answerer.into(), client: client.into() })
}

/// Enough that two equal endpoints are both met: the chance to miss one is below one in ten million.
fn ask_all_from(namespace: &str, address: &str) -> BTreeSet<String> {
    (0..25).map(|_| ask_from(namespace, address).unwrap().answerer).collect()
}

/// Answers everybody with its name, until the process ends.
fn serve_in(namespace: &str, name: &str, port: u16) {
    let name = name.to_owned();
    let listener = inside(namespace, move || TcpListener::bind(("0.0.0.0", port)).unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let client = stream.peer_addr().unwrap().ip();
            // A client that has gone needs no answer.
            drop(stream.write_all(format!("{name} {client}").as_bytes()));
        }
    });
}

/// The same over UDP: its name for each datagram.
fn serve_udp_in(namespace: &str, name: &str, port: u16) {
    let name = name.to_owned();
    let socket = inside(namespace, move || UdpSocket::bind(("0.0.0.0", port)).unwrap());
    std::thread::spawn(move || {
        while let Ok((_, client)) = socket.recv_from(&mut [0; 16]) {
            // A client that has gone needs no answer.
            drop(socket.send_to(name.as_bytes(), client));
        }
    });
}

/// A client that keeps its port, as resolvers do.
pub(crate) struct Talker(UdpSocket);

impl Talker {
    /// Who answers the next datagram.
    pub(crate) fn ask(&self) -> String {
        self.0.send(b"?").unwrap();
        let mut answer = [0; 16];
        let length = self.0.recv(&mut answer).unwrap();
        String::from_utf8(answer[..length].to_vec()).unwrap()
    }
}

/// Asks until the answer is a refusal; what else happens until the deadline is returned.
pub(crate) fn while_refused(ask: impl Fn() -> std::io::Result<Answer>) -> Result<Answer, ()> {
    let end = Instant::now() + DEADLINE;
    loop {
        match ask() {
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => return Err(()),
            Ok(answer) if Instant::now() > end => return Ok(answer),
            Err(error) if Instant::now() > end => panic!("neither answered nor refused: {error}"),
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// There is no such pod, and the one who asks learns it.
pub(crate) fn nobody_answers(pod: &Pod, address: &str) {
    let started = Instant::now();
    let error = pod.ask(address).expect_err("nobody is there");
    assert!(started.elapsed() < CONNECT, "{error}: told at once, not by a timeout");
}

/// A node's network, on a runtime whose threads are in the node's namespace.
pub(crate) struct Node {
    world: Arc<World>,
    number: u8,
    namespace: String,
    runtime: Runtime,
    network: Option<Arc<Network>>,
    updates: mpsc::Sender<NetworkUpdate>,
    uplink: Uplink,
}

impl Node {
    pub(crate) fn start(world: &Arc<World>, number: u8) -> Node {
        let namespace = format!("{}-n{number}", world.prefix);
        let path = path_of(&namespace);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .on_thread_start(move || enter(&path))
            .enable_all()
            .build()
            .unwrap();
        let (updates, receiver) = mpsc::channel(64);
        let config = NetworkConfig {
            node_name: format!("n{number}"),
            data_dir: world.directory.path().join(format!("n{number}")),
            node_address: format!("192.0.2.{number}").parse().unwrap(),
            cluster_cidr: "10.42.0.0/16".parse().unwrap(),
            service_cidr: "10.43.0.0/16".parse().unwrap(),
        };
        let uplink = Uplink::new();
        let starting = runtime.spawn(Network::start(config, receiver, uplink.clone()));
        let network = Some(runtime.block_on(starting).unwrap().unwrap());
        Node { world: world.clone(), number, namespace, runtime, network, updates, uplink }
    }

    /// The agent ends and another starts, with the same data directory.
    pub(crate) fn restart(mut self) -> Node {
        let (world, number) = (self.world.clone(), self.number);
        self.network = None;
        drop(self);
        Node::start(&world, number)
    }

    /// The masters' whole state: two nodes and these services.
    pub(crate) fn sync(&self, generation: u64, services: &[NetworkService]) {
        self.send(NetworkUpdate::Resync);
        for number in [1, 2] {
            let node = NetworkNode {
                name: format!("n{number}"),
                address: format!("192.0.2.{number}"),
                pod_cidr: format!("10.42.{number}.0/24"),
            };
            self.send(update(generation, Change::Node(node)));
        }
        for service in services {
            self.send(update(generation, Change::Service(service.clone())));
        }
        self.send(update(generation, Change::SnapshotComplete(true)));
        self.wait_applied(generation);
        assert!(self.ready());
    }

    /// A change of one service, programmed when this returns.
    pub(crate) fn change(&self, generation: u64, service: NetworkService) {
        self.send(update(generation, Change::Service(service)));
        self.wait_applied(generation);
    }

    pub(crate) fn ready(&self) -> bool {
        *self.network().ready().borrow()
    }

    pub(crate) fn adopt(&self, pods: &[&Pod]) {
        let live: Vec<(String, IpAddr)> =
            pods.iter().map(|pod| (pod.uid.clone(), pod.address.parse().unwrap())).collect();
        let network = self.network().clone();
        self.run(async move { network.adopt(&live).await.unwrap() });
    }

    pub(crate) fn ask(&self, address: &str) -> std::io::Result<Answer> {
        ask_from(&self.namespace, address)
    }

    pub(crate) fn ask_all(&self, address: &str) -> BTreeSet<String> {
        ask_all_from(&self.namespace, address)
    }

    pub(crate) fn serve(&self, name: &str, port: u16) {
        serve_in(&self.namespace, name, port);
    }

    fn network(&self) -> &Arc<Network> {
        self.network.as_ref().unwrap()
    }

    fn send(&self, update: NetworkUpdate) {
        self.runtime.block_on(self.updates.send(update)).unwrap();
    }

    fn wait_applied(&self, generation: u64) {
        let end = Instant::now() + DEADLINE;
        while self.uplink.applied_generation() < generation {
            assert!(Instant::now() < end, "generation {generation} was not programmed");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime.block_on(self.runtime.spawn(work)).unwrap()
    }
}

/// A pod: a namespace with a server in it.
pub(crate) struct Pod {
    uid: String,
    namespace: String,
    pub(crate) address: String,
}

impl Pod {
    pub(crate) fn attach(node: &Node, name: &str) -> Pod {
        let namespace = node.world.namespace(name);
        let (network, path, uid) = (node.network().clone(), path_of(&namespace), format!("uid-{name}"));
        let of = uid.clone();
        let address = node.run(async move {
            let first = network.attach(&of, &path).await.unwrap();
            assert_eq!(network.attach(&of, &path).await.unwrap(), first, "attaching twice changes nothing");
            first
        });
        serve_in(&namespace, name, PORT);
        serve_udp_in(&namespace, name, PORT);
        Pod { uid, namespace, address: address.to_string() }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}:{PORT}", self.address)
    }

    pub(crate) fn ask(&self, address: &str) -> std::io::Result<Answer> {
        ask_from(&self.namespace, address)
    }

    pub(crate) fn ask_all(&self, address: &str) -> BTreeSet<String> {
        ask_all_from(&self.namespace, address)
    }

    /// A UDP client in this pod.
    pub(crate) fn talk_to(&self, address: &str) -> Talker {
        let address: SocketAddr = address.parse().unwrap();
        Talker(inside(&self.namespace, move || {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            socket.connect(address).unwrap();
            socket.set_read_timeout(Some(CONNECT)).unwrap();
            socket
        }))
    }
}

fn update(generation: u64, change: Change) -> NetworkUpdate {
    NetworkUpdate::Change(Box::new(NetworkChange { generation, change: Some(change) }))
}

/// A TCP service at `address` (`ip:port`) with these endpoints.
pub(crate) fn service(name: &str, address: &str, endpoints: &[&str]) -> NetworkService {
    let address: SocketAddr = address.parse().unwrap();
    let endpoint = |text: &&str| {
        let endpoint: SocketAddr = text.parse().unwrap();
        Endpoint { address: endpoint.ip().to_string(), port: endpoint.port().into() }
    };
    let port = NetworkPort {
        protocol: "TCP".into(),
        port: address.port().into(),
        endpoints: endpoints.iter().map(endpoint).collect(),
        ..Default::default()
    };
    NetworkService {
        name: Some(ServiceName { namespace: "default".into(), name: name.into() }),
        cluster_ip: address.ip().to_string(),
        ports: vec![port],
        affinity_seconds: 0,
    }
}

pub(crate) fn set_node_port(service: &mut NetworkService, port: u32) {
    service.ports[0].node_port = port;
}

pub(crate) fn set_udp(service: &mut NetworkService) {
    service.ports[0].protocol = "UDP".into();
}

pub(crate) fn set_affinity(service: &mut NetworkService, seconds: u32) {
    service.affinity_seconds = seconds;
}
