//! One connection into a pod's network: bytes there and back until either side closes.

use futures::{Stream, StreamExt};
use serde_json::json;
use tokio::sync::mpsc;
use xebec_api::{Status, Subresource};
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{
    OpenStream, PortForwardInput, PortForwardOpen, PortForwardOutput, PortForwardStream, StreamFrame, open_stream,
    port_forward_input,
};

use super::logs::{lost, pod};
use super::{Answers, ObjectsService, refuse};
use crate::nodes::NodeStream;
use crate::registry::{Access, RequestContext, node_refusal};

/// What the client sends.
type Inputs = std::pin::Pin<Box<dyn Stream<Item = Result<PortForwardInput, tonic::Status>> + Send>>;

impl ObjectsService {
    pub(super) async fn forward(
        &self,
        cx: &RequestContext,
        mut inputs: Inputs,
    ) -> Result<Answers<PortForwardOutput>, Status> {
        let first = tokio::time::timeout_at(cx.deadline, inputs.next()).await;
        let Ok(Some(Ok(PortForwardInput { input: Some(port_forward_input::Input::Open(open)) }))) = first else {
            return Err(Status::bad_request("the first message must say which port"));
        };
        if !(1..=u32::from(u16::MAX)).contains(&open.port) {
            return Err(Status::bad_request(format!("{} is not a port", open.port)));
        }
        let target = pod(&open.namespace, &open.pod, Subresource::PortForward)?;
        let access = Access::Connect("PodPortForwardOptions", json!({"ports": [open.port]}));
        let place = self.registry.locate_pod(cx, access, &target).await?;
        let stream = self.streams.open(&place.node, message(open, place.uid), cx.deadline).await?;
        let NodeStream { input, output } = stream;
        tokio::spawn(carry(inputs, input));
        Ok(Box::pin(futures::stream::unfold(Some((output, place.node)), next)))
    }
}

fn message(open: PortForwardOpen, pod_uid: String) -> OpenStream {
    OpenStream {
        namespace: open.namespace,
        pod: open.pod,
        pod_uid,
        kind: Some(open_stream::Kind::PortForward(PortForwardStream { port: open.port })),
        ..OpenStream::default()
    }
}

/// Carries the input until either end has enough.
async fn carry(mut inputs: Inputs, to_node: mpsc::Sender<StreamFrame>) {
    loop {
        let input = tokio::select! {
            input = inputs.next() => input,
            () = to_node.closed() => return,
        };
        let frame = match input {
            Some(Ok(PortForwardInput { input: Some(port_forward_input::Input::Data(bytes)) })) => Frame::Stdin(bytes),
            Some(Ok(PortForwardInput { input: Some(port_forward_input::Input::Closed(_)) })) => {
                Frame::StdinClosed(true)
            }
            _ => return,
        };
        if to_node.send(StreamFrame { stream_id: String::new(), frame: Some(frame) }).await.is_err() {
            return;
        }
    }
}

type Open = Option<(mpsc::Receiver<StreamFrame>, String)>;

async fn next(open: Open) -> Option<(Result<PortForwardOutput, tonic::Status>, Open)> {
    let (mut output, node) = open?;
    match output.recv().await.and_then(|frame| frame.frame) {
        Some(Frame::Stdout(data)) => Some((Ok(PortForwardOutput { data }), Some((output, node)))),
        Some(Frame::ErrorJson(json)) => Some((Err(refuse(node_refusal(&json))), None)),
        Some(_) => None,
        None => Some((Err(lost(&node)), None)),
    }
}
