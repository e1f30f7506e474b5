//! Serves one connection to a port of a pod: to its loopback, for people who forward ports, or to its address, for the masters
//! that speak to it as its neighbours do.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use xebec_api::status::Status;
use xebec_node_plan::pod::observed::Preparation;
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{DialStream, PortForwardStream, StreamFrame};

use super::{Client, Gone};
use crate::network::{Inside, connect};
use crate::node::Node;
use crate::pods::PodView;
use crate::steps::{PodContext, sandbox};

/// Bytes read at once.
const CHUNK: usize = 32 * 1024;

/// A connection to loopback.
pub(super) async fn serve(
    node: &Arc<Node>,
    view: &PodView,
    wanted: &PortForwardStream,
    client: &Client,
    input: mpsc::Receiver<StreamFrame>,
) -> Result<(), Gone> {
    let to = |_: IpAddr, port| Inside::Loopback(port);
    match open(node, view, wanted.port, to).await {
        Ok(connection) => relay(connection, client, input).await,
        Err(refusal) => client.fail(&refusal).await,
    }
}

/// A connection to the pod's address, announced once it stands.
pub(super) async fn dial(
    node: &Arc<Node>,
    view: &PodView,
    wanted: &DialStream,
    client: &Client,
    input: mpsc::Receiver<StreamFrame>,
) -> Result<(), Gone> {
    let to = |address, port| Inside::Address(SocketAddr::new(address, port));
    match open(node, view, wanted.port, to).await {
        Ok(connection) => {
            client.send(Frame::Stdout(Bytes::new())).await?;
            relay(connection, client, input).await
        }
        Err(refusal) => client.fail(&refusal).await,
    }
}

async fn open(
    node: &Arc<Node>,
    view: &PodView,
    port: u32,
    to: impl Fn(IpAddr, u16) -> Inside,
) -> Result<TcpStream, Status> {
    let pod = PodContext { node: node.clone(), desired: view.desired.borrow().clone(), address: None };
    let (address, sandbox_is_ready) = {
        let observed = view.observed.borrow();
        (observed.address, observed.sandbox == Preparation::Ready)
    };
    let port = u16::try_from(port).ok().filter(|port| *port > 0);
    let (Some(address), Some(port)) = (address.filter(|_| sandbox_is_ready), port) else {
        return Err(Status::bad_request(format!("pod {} is not running", pod.name())));
    };
    let namespace = sandbox::own(&pod).paths(&pod.namespaces(), false).net;
    connect(namespace, to(address, port)).await.map_err(|error| {
        let name = pod.name();
        Status::bad_request(format!("cannot connect to port {port} of pod {name}: {}", root(&error)))
    })
}

/// The last cause: what lies before it names places of the node, which do not concern the client.
fn root<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a dyn std::error::Error {
    std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error)
}

/// Moves bytes both ways until the pod closes the connection or the client has gone.
async fn relay(connection: TcpStream, client: &Client, input: mpsc::Receiver<StreamFrame>) -> Result<(), Gone> {
    let (reader, writer) = connection.into_split();
    tokio::select! {
        gone = feed(writer, input) => Err(gone),
        () = client.gone() => Err(Gone),
        answered = answer(reader, client) => answered,
    }
}

/// Ends only when the client has gone. What the pod does not take is dropped: it will close the connection, or has.
async fn feed(mut writer: impl AsyncWrite + Unpin, mut input: mpsc::Receiver<StreamFrame>) -> Gone {
    while let Some(frame) = input.recv().await {
        let written = match frame.frame {
            Some(Frame::Stdin(bytes)) => writer.write_all(&bytes).await,
            Some(Frame::StdinClosed(_)) => writer.shutdown().await,
            _ => Ok(()),
        };
        if let Err(error) = written {
            tracing::debug!(%error, "a pod takes nothing from a forwarded connection");
        }
    }
    Gone
}

async fn answer(mut reader: impl AsyncRead + Unpin, client: &Client) -> Result<(), Gone> {
    loop {
        let mut buffer = BytesMut::with_capacity(CHUNK);
        match reader.read_buf(&mut buffer).await {
            Ok(0) => return client.send(Frame::End(true)).await,
            Ok(_) => client.send(Frame::Stdout(buffer.freeze())).await?,
            Err(error) => {
                return client.fail(&Status::internal(format!("a connection to the pod broke: {error}"))).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(frame: Frame) -> StreamFrame {
        StreamFrame { stream_id: String::new(), frame: Some(frame) }
    }

    #[tokio::test]
    async fn bytes_go_both_ways_until_the_pod_closes() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let pod = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            tcp.read_to_end(&mut heard).await.unwrap();
            tcp.write_all(&heard).await.unwrap();
        });
        let (output, mut from_node) = mpsc::channel(4);
        let (to_node, input) = mpsc::channel(4);
        to_node.send(frame(Frame::Stdin("hello".into()))).await.unwrap();
        to_node.send(frame(Frame::StdinClosed(true))).await.unwrap();
        let connection = connect(None, Inside::Loopback(port)).await.unwrap();
        relay(connection, &Client(output), input).await.unwrap();
        pod.await.unwrap();
        assert_eq!(from_node.recv().await, Some(frame(Frame::Stdout("hello".into()))));
        assert_eq!(from_node.recv().await, Some(frame(Frame::End(true))));
    }
}
