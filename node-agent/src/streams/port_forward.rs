//! Serves one connection to a port of a pod.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use xebec_api::status::Status;
use xebec_node_plan::pod::observed::Preparation;
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{PortForwardStream, StreamFrame};

use super::{Client, Gone};
use crate::network::connect;
use crate::node::Node;
use crate::pods::PodView;
use crate::steps::{PodContext, sandbox};

/// Bytes read at once.
const CHUNK: usize = 32 * 1024;

pub(super) async fn serve(
    node: &Arc<Node>,
    view: &PodView,
    wanted: &PortForwardStream,
    client: &Client,
    input: mpsc::Receiver<StreamFrame>,
) -> Result<(), Gone> {
    let pod = PodContext { node: node.clone(), desired: view.desired.borrow().clone(), address: None };
    let is_ready = view.observed.borrow().sandbox == Preparation::Ready;
    let Some(port) = u16::try_from(wanted.port).ok().filter(|_| is_ready) else {
        return client.fail(&Status::bad_request(format!("pod {} is not running", pod.name()))).await;
    };
    let namespace = sandbox::own(&pod).paths(&pod.namespaces(), false).net;
    match connect(namespace, port).await {
        Ok(connection) => relay(connection, client, input).await,
        Err(error) => {
            let message = format!("cannot connect to port {port} of pod {}: {}", pod.name(), root(&error));
            client.fail(&Status::bad_request(message)).await
        }
    }
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
        let connection = connect(None, port).await.unwrap();
        relay(connection, &Client(output), input).await.unwrap();
        pod.await.unwrap();
        assert_eq!(from_node.recv().await, Some(frame(Frame::Stdout("hello".into()))));
        assert_eq!(from_node.recv().await, Some(frame(Frame::End(true))));
    }
}
