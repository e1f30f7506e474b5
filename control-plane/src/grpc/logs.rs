//! The output of a container.

use xebec_api::kinds::POD;
use xebec_api::{Status, Subresource};
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{LogChunk, LogStream, LogsRequest, OpenStream, open_stream};

use super::{Answers, ObjectsService, refuse};
use crate::nodes::NodeStream;
use crate::registry::{Access, RequestContext, Target, node_refusal};

/// A pod's subresource that is a stream.
pub(super) fn pod(namespace: &str, name: &str, subresource: Subresource) -> Result<Target, Status> {
    if namespace.is_empty() || name.is_empty() {
        return Err(Status::bad_request("the request must name a pod and its namespace"));
    }
    Ok(Target::new(&POD, Some(namespace), name).subresource(subresource))
}

/// A node that ends a stream without a word is gone.
pub(super) fn lost(node: &str) -> tonic::Status {
    refuse(Status::service_unavailable(format!("the connection to node {node} was lost")))
}

impl ObjectsService {
    pub(super) async fn log_chunks(
        &self,
        cx: &RequestContext,
        request: &LogsRequest,
    ) -> Result<Answers<LogChunk>, Status> {
        let target = pod(&request.namespace, &request.pod, Subresource::Log)?;
        let place = self.registry.locate_container(cx, Access::Read, &target, &request.container).await?;
        let open = OpenStream {
            stream_id: String::new(),
            namespace: request.namespace.clone(),
            pod: request.pod.clone(),
            pod_uid: place.uid,
            container: place.container,
            kind: Some(open_stream::Kind::Logs(wanted(request))),
        };
        let stream = self.streams.open(&place.node, open, cx.deadline).await?;
        Ok(Box::pin(futures::stream::unfold(Some((stream, place.node)), next)))
    }
}

fn wanted(request: &LogsRequest) -> LogStream {
    LogStream {
        follow: request.follow,
        previous: request.previous,
        timestamps: request.timestamps,
        tail_lines: request.tail_lines,
        since_seconds: request.since_seconds,
        limit_bytes: request.limit_bytes,
    }
}

type Open = Option<(NodeStream, String)>;

async fn next(open: Open) -> Option<(Result<LogChunk, tonic::Status>, Open)> {
    let (mut stream, node) = open?;
    match stream.output.recv().await.and_then(|frame| frame.frame) {
        Some(Frame::Stdout(data) | Frame::Stderr(data)) => Some((Ok(LogChunk { data }), Some((stream, node)))),
        Some(Frame::ErrorJson(json)) => Some((Err(refuse(node_refusal(&json))), None)),
        Some(_) => None,
        None => Some((Err(lost(&node)), None)),
    }
}
