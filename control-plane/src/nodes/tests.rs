//! A real registry, a real gRPC connection, and this test as the node agent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Streaming};
use xebec_api::{Subresource, conditions};
use xebec_proto::v1::node_down::Message as Down;
use xebec_proto::v1::node_up::Message as Up;
use xebec_proto::v1::nodes_client::NodesClient;
use xebec_proto::v1::nodes_server::NodesServer;
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{
    Heartbeat, Hello, NetworkApplied, NodeDown, NodeEvent, NodeUp, OpenStream, PodStatus, PodTerminated, StreamFrame,
    Subscribe,
};

use super::{NodeHub, NodeHubConfig, NodeStreams};
use crate::authn::User;
use crate::registry::testing::{Fixture, cx, target};
use crate::registry::{DeleteOptions, Target, WriteOptions};

const PATIENCE: Duration = Duration::from_secs(5);

struct World {
    fixture: Fixture,
    hub: NodeHub,
    masters: watch::Sender<Vec<String>>,
}

async fn world() -> World {
    let fixture = Fixture::new().await;
    let (masters, receiver) = watch::channel(vec!["m1:6443".to_owned()]);
    let config = NodeHubConfig {
        master_name: "m1".into(),
        cluster_id: "c".into(),
        cluster_cidr: "10.42.0.0/16".into(),
        service_cidr: "10.43.0.0/16".into(),
    };
    let hub = NodeHub::new(fixture.registry.clone(), receiver, config);
    World { fixture, hub, masters }
}

impl World {
    /// A connection on which every caller is `user`.
    async fn connect(&self, user: User) -> NodesClient<Channel> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let user = Arc::new(user);
        let service = NodesServer::with_interceptor(self.hub.service(), move |mut request: Request<()>| {
            request.extensions_mut().insert(user.clone());
            Ok(request)
        });
        let server = Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        NodesClient::connect(format!("http://{address}")).await.unwrap()
    }

    async fn agent(&self, node: &str) -> Agent {
        Agent::open(self.connect(User::node(node)).await, hello(node)).await.unwrap()
    }

    async fn bound_pod(&self, name: &str, node: &str) -> Value {
        let pod = json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        self.fixture.create(&pods(name), pod).await.unwrap();
        let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"kind": "Node", "name": node}});
        self.fixture.create(&pods(name).subresource(Subresource::Binding), binding).await.unwrap();
        self.stored(&pods(name)).unwrap()
    }

    fn stored(&self, target: &Target) -> Option<Value> {
        let stored = self.fixture.cache.get(target.kind, target.namespace.as_deref(), &target.name)?;
        Some(stored.to_value())
    }

    /// Waits until the object is as it should be.
    async fn until(&self, target: &Target, holds: impl Fn(Option<&Value>) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self.stored(target).as_ref()) {
            assert!(Instant::now() < end, "{:?}", self.stored(target));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn pods(name: &str) -> Target {
    target("pods", Some("default"), name)
}

fn hello(node: &str) -> Hello {
    let described = json!({"metadata": {"labels": {"zone": "a"}}, "status": {"capacity": {"cpu": "2", "memory": "1Gi", "pods": "10"},
        "addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}});
    Hello { node_name: node.into(), node_json: described.to_string().into(), agent_version: "test".into() }
}

struct Agent {
    up: mpsc::Sender<NodeUp>,
    down: Streaming<NodeDown>,
    client: NodesClient<Channel>,
}

impl Agent {
    async fn open(mut client: NodesClient<Channel>, hello: Hello) -> Result<Agent, tonic::Status> {
        let (up, messages) = mpsc::channel(16);
        up.send(NodeUp { message: Some(Up::Hello(hello)) }).await.unwrap();
        let down = client.session(ReceiverStream::new(messages)).await?.into_inner();
        let mut agent = Agent { up, down, client };
        let Some(Down::Welcome(welcome)) = agent.next().await else { panic!("no welcome") };
        assert_eq!((welcome.master_name.as_str(), welcome.masters.len()), ("m1", 1));
        Ok(agent)
    }

    async fn say(&self, message: Up) {
        self.up.send(NodeUp { message: Some(message) }).await.unwrap();
    }

    /// The next message, the masters' keepalive included; `None` when the session has ended.
    async fn next(&mut self) -> Option<Down> {
        let received = tokio::time::timeout(PATIENCE, self.down.message()).await.expect("the hub said nothing");
        received.ok()??.message
    }

    /// The next message about work.
    async fn next_work(&mut self) -> Down {
        loop {
            match self.next().await.expect("the session has ended") {
                Down::MastersChanged(_) | Down::NetworkChange(_) => {}
                work => return work,
            }
        }
    }

    /// Subscribes, and returns the names of the pods in the state.
    async fn sync(&mut self) -> Vec<String> {
        self.say(Up::Subscribe(Subscribe { last_revision: 0 })).await;
        let mut names = Vec::new();
        loop {
            match self.next_work().await {
                Down::PodAssigned(assigned) => names.push(name(&assigned.pod_json)),
                Down::SyncComplete(_) => return names,
                other => panic!("{other:?}"),
            }
        }
    }

    async fn assigned(&mut self) -> Value {
        match self.next_work().await {
            Down::PodAssigned(assigned) => serde_json::from_slice(&assigned.pod_json).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

fn name(json: &Bytes) -> String {
    let object: Value = serde_json::from_slice(json).unwrap();
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

fn status_of(pod: &Value, status: Value) -> Up {
    let text = |field: &str| pod["metadata"][field].as_str().unwrap().to_owned();
    let (namespace, name, uid) = (text("namespace"), text("name"), text("uid"));
    Up::PodStatus(PodStatus { namespace, name, uid, status_json: status.to_string().into() })
}

fn condition(status: &str) -> Up {
    let ready = json!([{"type": "Ready", "status": status, "reason": "Agent", "message": ""}]);
    Up::Heartbeat(Heartbeat { sequence: 1, conditions_json: ready.to_string().into(), usage: None })
}

#[tokio::test]
async fn nobody_speaks_for_another_node() {
    let world = world().await;
    let refused = async |user, node| {
        Agent::open(world.connect(user).await, hello(node)).await.err().expect("must be refused").code()
    };
    assert_eq!(refused(User::node("n1"), "n2").await, Code::PermissionDenied);
    assert_eq!(refused(User::scheduler(), "n1").await, Code::PermissionDenied);
    assert!(world.hub.liveness().is_empty());
}

#[tokio::test]
async fn a_pod_lives_from_binding_to_removal() {
    let world = world().await;
    world.bound_pod("early", "n1").await;
    let mut agent = world.agent("n1").await;
    assert_eq!(agent.sync().await, ["early"]);

    let pod = world.bound_pod("late", "n1").await;
    world.bound_pod("elsewhere", "n2").await;
    assert_eq!(agent.assigned().await["metadata"]["name"], "late");

    agent.say(status_of(&pod, json!({"phase": "Running", "podIP": "10.42.1.2"}))).await;
    world.until(&pods("late"), |pod| pod.unwrap()["status"]["phase"] == "Running").await;
    let stored = world.stored(&pods("late")).unwrap();
    assert!(conditions::is_true(&stored, "PodScheduled"), "the scheduler's condition stays: {stored}");

    let cx = cx();
    world.fixture.registry.delete(&cx, &pods("late"), &DeleteOptions::default()).await.unwrap();
    assert!(agent.assigned().await["metadata"]["deletionTimestamp"].is_string());
    let uid = pod["metadata"]["uid"].as_str().unwrap().to_owned();
    let terminated = PodTerminated { namespace: "default".into(), name: "late".into(), uid: uid.clone() };
    agent.say(Up::PodTerminated(terminated)).await;
    let Down::PodRemoved(removed) = agent.next_work().await else { panic!("not removed") };
    assert_eq!(removed.uid, uid);
    assert!(world.stored(&pods("late")).is_none());
}

#[tokio::test]
async fn a_report_on_a_pod_of_another_uid_changes_nothing() {
    let world = world().await;
    let mut pod = world.bound_pod("a", "n1").await;
    let mut agent = world.agent("n1").await;
    agent.sync().await;
    let right = status_of(&pod, json!({"phase": "Running"}));
    pod["metadata"]["uid"] = json!("another");
    agent.say(status_of(&pod, json!({"phase": "Failed"}))).await;
    let (namespace, name) = ("default".to_owned(), "a".to_owned());
    agent.say(Up::PodTerminated(PodTerminated { namespace, name, uid: "another".into() })).await;
    agent.say(right).await;
    world.until(&pods("a"), |pod| pod.unwrap()["status"]["phase"] == "Running").await;
}

#[tokio::test]
async fn the_node_is_registered_and_only_the_leader_lifts_its_doubt() {
    let world = world().await;
    let node = target("nodes", None, "n1");
    let mut agent = world.agent("n1").await;
    agent.say(condition("True")).await;
    agent.sync().await;
    world.until(&node, |node| node.is_some_and(|node| conditions::is_true(node, "Ready"))).await;
    let mut stored = world.stored(&node).unwrap();
    assert_eq!(stored["metadata"]["labels"]["zone"], "a");
    assert_eq!(stored["status"]["capacity"]["cpu"], "2");

    let (cx, status) = (cx(), node.clone().subresource(Subresource::Status));
    let write = async |stored| world.fixture.registry.update(&cx, &status, stored, &WriteOptions::default()).await;
    stored["status"]["conditions"][0]["status"] = json!("Unknown");
    stored["status"]["conditions"][0]["reason"] = json!(xebec_controllers::node_lifecycle::SILENT);
    write(stored).await.unwrap();
    let report = json!([{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True"}]);
    let conditions_json = report.to_string().into();
    agent.say(Up::Heartbeat(Heartbeat { sequence: 2, conditions_json, usage: None })).await;
    world.until(&node, |node| conditions::is_true(node.unwrap(), "DiskPressure")).await;
    let reported = world.stored(&node).unwrap();
    assert!(!conditions::is_true(&reported, "Ready"), "the leader does not hear it: {reported}");

    let mut doubted = reported;
    doubted["status"]["conditions"] = json!([]);
    write(doubted).await.unwrap();
    world.until(&node, |node| conditions::is_true(node.unwrap(), "Ready")).await;
}

#[tokio::test]
async fn a_second_session_ends_the_first() {
    let world = world().await;
    let mut first = world.agent("n1").await;
    let second = world.agent("n1").await;
    while first.next().await.is_some() {}
    assert!(world.hub.liveness()[0].connected, "the second session counts");
    drop(second);
    let mut changed = world.hub.changed();
    while world.hub.liveness()[0].connected {
        tokio::time::timeout(PATIENCE, changed.changed()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn agents_hear_of_new_masters() {
    let world = world().await;
    let mut agent = world.agent("n1").await;
    world.masters.send_replace(vec!["m1:6443".into(), "m2:6443".into()]);
    loop {
        let Some(Down::MastersChanged(changed)) = agent.next().await else { panic!("nothing but keepalives is due") };
        if changed.masters.len() == 2 {
            return;
        }
    }
}

#[tokio::test]
async fn events_are_stored_and_counted() {
    let world = world().await;
    let mut agent = world.agent("n1").await;
    agent.sync().await;
    let involved = json!({"kind": "Pod", "namespace": "default", "name": "a"}).to_string();
    for _ in 0..3 {
        agent
            .say(Up::Event(NodeEvent {
                namespace: "default".into(),
                involved_object_json: involved.clone().into(),
                r#type: "Warning".into(),
                reason: "Failed".into(),
                message: "no such image".into(),
            }))
            .await;
    }
    let kind = target("events", None, "").kind;
    let end = Instant::now() + PATIENCE;
    loop {
        let events = world.fixture.cache.list(kind, Some("default"));
        if let [event] = events.as_slice()
            && event.to_value()["count"] == 3
        {
            return;
        }
        assert!(Instant::now() < end, "{events:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn streams_are_dialled_back() {
    let world = world().await;
    let mut agent = world.agent("n1").await;
    let mut other = world.connect(User::node("n2")).await;
    let hub = world.hub.clone();
    let opening = tokio::spawn(async move { hub.open("n1", OpenStream::default(), Instant::now() + PATIENCE).await });
    let Down::OpenStream(open) = agent.next_work().await else { panic!("no stream was asked for") };

    let first = StreamFrame { stream_id: open.stream_id.clone(), frame: None };
    let stolen = other.stream(tokio_stream::once(first.clone())).await.unwrap_err();
    assert_eq!(stolen.code(), Code::NotFound);

    let (up, frames) = mpsc::channel(4);
    up.send(first).await.unwrap();
    let mut down = agent.client.stream(ReceiverStream::new(frames)).await.unwrap().into_inner();
    let mut stream = opening.await.unwrap().unwrap();
    let frame = |bytes: &'static [u8]| StreamFrame {
        frame: Some(Frame::Stdin(Bytes::from_static(bytes))),
        ..Default::default()
    };
    stream.input.send(frame(b"in")).await.unwrap();
    assert_eq!(down.message().await.unwrap(), Some(frame(b"in")));
    up.send(frame(b"out")).await.unwrap();
    assert_eq!(stream.output.recv().await, Some(frame(b"out")));
    drop(up);
    assert_eq!(stream.output.recv().await, None);
}

#[tokio::test]
async fn a_node_that_does_not_dial_is_not_waited_for_beyond_the_deadline() {
    let world = world().await;
    let soon = || Instant::now() + Duration::from_millis(50);
    let unknown = world.hub.open("n1", OpenStream::default(), soon()).await.unwrap_err();
    assert_eq!(unknown.code, 503);
    let _agent = world.agent("n1").await;
    let late = world.hub.open("n1", OpenStream::default(), soon()).await.unwrap_err();
    assert_eq!(late.code, 504);
}

#[tokio::test]
async fn a_terminating_endpoint_is_stopped_once_every_node_has_let_go() {
    let world = world().await;
    world.bound_pod("a", "n1").await;
    let slice = |ready: bool| {
        json!({"metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4", "ports": [{"name": "", "port": 80, "protocol": "TCP"}],
        "endpoints": [{"addresses": ["10.42.1.2"], "conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": "a", "namespace": "default"}}]})
    };
    let slices = target("endpointslices", Some("default"), "web-1");
    world.fixture.create(&slices, slice(true)).await.unwrap();
    let (mut n1, n2) = (world.agent("n1").await, world.agent("n2").await);
    n1.sync().await;

    let cx = cx();
    world.fixture.registry.delete(&cx, &pods("a"), &DeleteOptions::default()).await.unwrap();
    let updated = world.fixture.registry.update(&cx, &slices, slice(false), &WriteOptions::default()).await.unwrap();
    let began = Instant::now();
    for agent in [&n1, &n2] {
        agent.say(Up::NetworkApplied(NetworkApplied { generation: updated.revision })).await;
    }
    assert!(n1.assigned().await["metadata"]["deletionTimestamp"].is_string());
    assert!(began.elapsed() < Duration::from_millis(1500), "acknowledged, not waited out");
}
