//! A node whose pods are servers of this process.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::io::ReaderStream;
use xebec_api::Status;
use xebec_proto::v1::open_stream::Kind;
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{OpenStream, StreamFrame};

use crate::nodes::{NodeStream, NodeStreams};

/// Where the ports of pods really are: by pod and port, the port of loopback. Any other is refused.
#[derive(Default)]
pub(crate) struct LoopbackNode {
    pub(crate) ports: BTreeMap<(String, u16), u16>,
}

#[async_trait]
impl NodeStreams for LoopbackNode {
    async fn open(&self, node: &str, open: OpenStream, _deadline: Instant) -> Result<NodeStream, Status> {
        if node == "silent" {
            return std::future::pending().await;
        }
        let Some(Kind::Dial(dial)) = open.kind else { return Err(Status::bad_request("only dialling is known here")) };
        let port = self.ports.get(&(open.pod, u16::try_from(dial.port).unwrap())).copied();
        let (input, from_master) = mpsc::channel(4);
        let (to_master, output) = mpsc::channel(4);
        tokio::spawn(serve(port, from_master, to_master));
        Ok(NodeStream { input, output })
    }
}

fn frame(frame: Frame) -> StreamFrame {
    StreamFrame { stream_id: String::new(), frame: Some(frame) }
}

async fn serve(port: Option<u16>, from_master: mpsc::Receiver<StreamFrame>, to_master: mpsc::Sender<StreamFrame>) {
    let Some(port) = port else {
        let refusal = Status::bad_request("connection refused").to_json().to_string();
        return to_master.send(frame(Frame::ErrorJson(refusal.into()))).await.unwrap();
    };
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    to_master.send(frame(Frame::Stdout(bytes::Bytes::new()))).await.ok();
    let (reader, mut writer) = stream.into_split();
    let feeding = tokio::spawn(async move {
        let mut from_master = from_master;
        while let Some(frame) = from_master.recv().await {
            match frame.frame {
                Some(Frame::Stdin(bytes)) => drop(writer.write_all(&bytes).await),
                _ => drop(writer.shutdown().await),
            }
        }
    });
    let mut chunks = ReaderStream::new(reader);
    while let Some(Ok(chunk)) = futures::StreamExt::next(&mut chunks).await {
        if to_master.send(frame(Frame::Stdout(chunk))).await.is_err() {
            break;
        }
    }
    to_master.send(frame(Frame::End(true))).await.ok();
    feeding.abort();
}
