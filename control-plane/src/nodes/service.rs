//! The gRPC service that node agents call: who calls is decided here, what happens then is the session's matter.

use std::sync::Arc;
use std::time::Duration;

use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use xebec_proto::v1::node_up::Message;
use xebec_proto::v1::nodes_server::Nodes;
use xebec_proto::v1::{Hello, NodeUp, StreamFrame};

use super::hub::Shared;
use super::outbox::{self, Outgoing};
use super::session::Session;
use super::streams::AgentEnd;
use crate::authn::User;

/// Within this an agent that has connected says who it is and what it wants.
const FIRST_MESSAGE: Duration = Duration::from_secs(5);

/// Serves [`Nodes`]. A caller is the node that its certificate names, and nobody else.
pub struct NodesService {
    shared: Arc<Shared>,
}

impl NodesService {
    pub(super) fn new(shared: Arc<Shared>) -> NodesService {
        NodesService { shared }
    }
}

#[tonic::async_trait]
impl Nodes for NodesService {
    type SessionStream = Outgoing;
    type StreamStream = FramesDown;

    async fn session(&self, request: Request<Streaming<NodeUp>>) -> Result<Response<Outgoing>, Status> {
        let user = node_user(&request)?;
        let mut inbound = request.into_inner();
        let hello = read_hello(first(&mut inbound).await?, &user)?;
        let (outbox, stream) = outbox::channel();
        let session = Session::begin(self.shared.clone(), user, hello, outbox)?;
        tokio::spawn(session.run(inbound));
        Ok(Response::new(stream))
    }

    async fn stream(&self, request: Request<Streaming<StreamFrame>>) -> Result<Response<FramesDown>, Status> {
        let user = node_user(&request)?;
        let mut inbound = request.into_inner();
        let frame = first(&mut inbound).await?;
        let asked = user.node_name().and_then(|node| self.shared.waiting.answer(node, &frame.stream_id));
        let AgentEnd { down, up } =
            asked.ok_or_else(|| Status::not_found("nobody waits for a stream of this id from this node"))?;
        tokio::spawn(pump(inbound, up));
        Ok(Response::new(Box::pin(ReceiverStream::new(down).map(Ok))))
    }
}

/// Frames down to the agent.
type FramesDown = std::pin::Pin<Box<dyn futures::Stream<Item = Result<StreamFrame, Status>> + Send>>;

/// The caller, if it is a node.
fn node_user<T>(request: &Request<T>) -> Result<Arc<User>, Status> {
    let user = request.extensions().get::<Arc<User>>().cloned();
    let user = user.ok_or_else(|| Status::unauthenticated("a client certificate is needed"))?;
    match user.node_name() {
        Some(_) => Ok(user),
        None => Err(Status::permission_denied(format!("{} is not a node agent", user.name))),
    }
}

async fn first<T>(inbound: &mut Streaming<T>) -> Result<T, Status> {
    let message = tokio::time::timeout(FIRST_MESSAGE, inbound.message()).await;
    let message = message.map_err(|_| Status::deadline_exceeded("the first message did not come"))??;
    message.ok_or_else(|| Status::invalid_argument("the first message is missing"))
}

fn read_hello(first: NodeUp, user: &User) -> Result<Hello, Status> {
    let Some(Message::Hello(hello)) = first.message else {
        return Err(Status::invalid_argument("the first message of a session is Hello"));
    };
    if user.node_name() != Some(hello.node_name.as_str()) {
        return Err(Status::permission_denied(format!("{} cannot speak for node {}", user.name, hello.node_name)));
    }
    Ok(hello)
}

/// Moves frames from the agent to the client, as fast as the client takes them.
async fn pump(mut inbound: Streaming<StreamFrame>, up: tokio::sync::mpsc::Sender<StreamFrame>) {
    loop {
        let frame = tokio::select! {
            frame = inbound.message() => frame,
            () = up.closed() => return,
        };
        let Ok(Some(frame)) = frame else { return };
        if up.send(frame).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(node: &str) -> NodeUp {
        NodeUp { message: Some(Message::Hello(Hello { node_name: node.into(), ..Default::default() })) }
    }

    #[test]
    fn a_node_speaks_for_itself_only() {
        let user = User::node("n1");
        assert!(read_hello(hello("n1"), &user).is_ok());
        assert_eq!(read_hello(hello("n2"), &user).unwrap_err().code(), tonic::Code::PermissionDenied);
        assert_eq!(read_hello(NodeUp::default(), &user).unwrap_err().code(), tonic::Code::InvalidArgument);
    }

    #[test]
    fn only_nodes_have_sessions() {
        let mut request = Request::new(());
        assert_eq!(node_user(&request).unwrap_err().code(), tonic::Code::Unauthenticated);
        request.extensions_mut().insert(Arc::new(User::scheduler()));
        assert_eq!(node_user(&request).unwrap_err().code(), tonic::Code::PermissionDenied);
        request.extensions_mut().insert(Arc::new(User::node("n1")));
        assert!(node_user(&request).is_ok());
    }
}
