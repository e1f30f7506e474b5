//! A node agent without containers: it keeps a session like any other, and the ports of its pods are servers of this process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use xebec_control_plane::server::Master;
use xebec_proto::dial::dial;
use xebec_proto::join::{Applicant, join};
use xebec_proto::tls::{ClientIdentity, client_config};
use xebec_proto::v1::nodes_client::NodesClient;
use xebec_proto::v1::open_stream::Kind;
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{
    Heartbeat, Hello, NodeDown, NodeUp, OpenStream, Role, StreamFrame, Subscribe, node_down, node_up,
};

use crate::support::*;

/// By pod and port, the port of loopback that stands for it.
pub(crate) type Ports = BTreeMap<(String, u32), u16>;

/// See the module's documentation. Its session ends when it is dropped.
pub(crate) struct FakeNode {
    /// TLS as this node.
    pub(crate) tls: Arc<ClientConfig>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl FakeNode {
    /// Joins the master's cluster and begins a session.
    pub(crate) async fn join(master: &Master, name: &str, ports: Ports) -> FakeNode {
        let token = token(&master.join_commands().unwrap().agent);
        let applicant = Applicant { role: Role::Agent, name: name.into(), addresses: vec!["127.0.0.1".into()] };
        let joined = join(&endpoint(master), &token, &applicant, TIMEOUT).await.unwrap();
        let identity = ClientIdentity::from_pem(joined.client.chain.as_bytes(), joined.client.key.as_bytes()).unwrap();
        let tls = client_config(joined.response.serving_ca.as_bytes(), Some(identity)).unwrap();
        let mut client = NodesClient::new(dial(&endpoint(master), tls.clone(), TIMEOUT).await.unwrap());
        let (up, messages) = mpsc::channel(8);
        up.send(said(node_up::Message::Hello(hello(name)))).await.unwrap();
        let session = client.session(ReceiverStream::new(messages)).await.unwrap().into_inner();
        up.send(said(node_up::Message::Subscribe(Subscribe::default()))).await.unwrap();
        let tasks = vec![tokio::spawn(beat(up)), tokio::spawn(listen(session, client, ports))];
        FakeNode { tls, tasks }
    }
}

fn said(message: node_up::Message) -> NodeUp {
    NodeUp { message: Some(message) }
}

fn hello(name: &str) -> Hello {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
    Hello { node_name: name.into(), node_json: node.to_string().into(), agent_version: "test".into() }
}

async fn beat(up: mpsc::Sender<NodeUp>) {
    let conditions = json!([{"type": "Ready", "status": "True"}]).to_string();
    for sequence in 0.. {
        let conditions_json = if sequence == 0 { conditions.clone().into() } else { Vec::new().into() };
        let heartbeat = Heartbeat { sequence, conditions_json, usage: None };
        if up.send(said(node_up::Message::Heartbeat(heartbeat))).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn listen(mut session: tonic::Streaming<NodeDown>, client: NodesClient<Channel>, ports: Ports) {
    while let Ok(Some(down)) = session.message().await {
        if let Some(node_down::Message::OpenStream(open)) = down.message {
            tokio::spawn(serve(open, client.clone(), ports.clone()));
        }
    }
}

fn framed(frame: Frame) -> StreamFrame {
    StreamFrame { stream_id: String::new(), frame: Some(frame) }
}

async fn serve(open: OpenStream, mut client: NodesClient<Channel>, ports: Ports) {
    let (up, frames) = mpsc::channel(8);
    up.send(StreamFrame { stream_id: open.stream_id, frame: None }).await.unwrap();
    let mut down = client.stream(ReceiverStream::new(frames)).await.unwrap().into_inner();
    let Some(Kind::Dial(dial)) = open.kind else { panic!("this node only dials") };
    let connected = match ports.get(&(open.pod, dial.port)) {
        Some(port) => TcpStream::connect(("127.0.0.1", *port)).await.map_err(|error| error.to_string()),
        None => Err("connection refused".to_owned()),
    };
    let stream = match connected {
        Ok(stream) => stream,
        Err(why) => {
            let refusal = xebec_api::Status::bad_request(why).to_json().to_string();
            return drop(up.send(framed(Frame::ErrorJson(refusal.into()))).await);
        }
    };
    drop(up.send(framed(Frame::Stdout(bytes::Bytes::new()))).await);
    let (mut reader, mut writer) = stream.into_split();
    let feeding = tokio::spawn(async move {
        while let Ok(Some(frame)) = down.message().await {
            match frame.frame {
                Some(Frame::Stdin(bytes)) => drop(writer.write_all(&bytes).await),
                _ => drop(writer.shutdown().await),
            }
        }
    });
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = reader.read(&mut buffer).await {
        if up.send(framed(Frame::Stdout(bytes::Bytes::copy_from_slice(&buffer[..count])))).await.is_err() {
            break;
        }
    }
    drop(up.send(framed(Frame::End(true))).await);
    feeding.abort();
}
