//! `pods/NAME/log`: the output of a container, from its node to the client as it comes.

use axum::response::Response;
use bytes::Bytes;
use futures::Stream;
use xebec_api::Status;
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{LogStream, OpenStream, open_stream};

use super::query::Query;
use super::{Call, respond};
use crate::nodes::NodeStream;
use crate::registry::{Access, Target, node_refusal};

/// Serves the output of a container.
pub(super) async fn serve(call: &Call, target: &Target) -> Result<Response, Status> {
    let logs = options(&call.query)?;
    let place =
        call.state.registry.locate_container(&call.cx, Access::Read, target, call.query.text("container")).await?;
    let open = OpenStream {
        stream_id: String::new(),
        namespace: target.namespace.clone().unwrap_or_default(),
        pod: target.name.clone(),
        pod_uid: place.uid,
        container: place.container,
        kind: Some(open_stream::Kind::Logs(logs)),
    };
    let mut stream = call.state.streams.open(&place.node, open, call.cx.deadline).await?;
    // The first frame tells whether there is anything to show, so that a refusal still has a status code.
    let first =
        tokio::time::timeout(FIRST_FRAME, stream.output.recv()).await.ok().flatten().and_then(|frame| frame.frame);
    match first {
        Some(Frame::ErrorJson(json)) => Err(node_refusal(&json)),
        Some(frame) => Ok(respond::text_stream(text(stream, Some(frame)))),
        None => Ok(respond::text_stream(text(stream, None))),
    }
}

/// How long the answer's head waits for the first output; a quiet container has none.
const FIRST_FRAME: std::time::Duration = std::time::Duration::from_millis(500);

fn options(query: &Query) -> Result<LogStream, Status> {
    Ok(LogStream {
        follow: query.flag("follow"),
        previous: query.flag("previous"),
        timestamps: query.flag("timestamps"),
        tail_lines: query.number("tailLines")?,
        since_seconds: query.number("sinceSeconds")?,
        limit_bytes: query.number("limitBytes")?,
    })
}

fn text(stream: NodeStream, first: Option<Frame>) -> impl Stream<Item = Bytes> + Send {
    futures::stream::unfold((stream, first), |(mut stream, first)| async move {
        let frame = match first {
            Some(frame) => frame,
            None => stream.output.recv().await?.frame?,
        };
        match frame {
            Frame::Stdout(bytes) | Frame::Stderr(bytes) => Some((bytes, (stream, None))),
            Frame::ErrorJson(json) => {
                Some((Bytes::from(format!("{}\n", node_refusal(&json).message)), (stream, Some(Frame::End(true)))))
            }
            _ => None,
        }
    })
}
