//! Serves an attachment: what a running container says from now on, and what it is told.

use std::sync::Arc;

use tokio::sync::mpsc;
use xebec_api::status::Status;
use xebec_proto::v1::{AttachStream, LogStream, StreamFrame};

use super::{Client, Gone, logs};
use crate::node::Node;
use crate::pods::PodView;

pub(super) async fn serve(
    node: &Arc<Node>,
    view: &PodView,
    container: &str,
    _wanted: &AttachStream,
    client: &Client,
    _input: mpsc::Receiver<StreamFrame>,
) -> Result<(), Gone> {
    if view.observed.borrow().container(container).running().is_none() {
        return client.fail(&Status::bad_request(format!("container \"{container}\" is not running"))).await;
    }
    let from_now = LogStream { follow: true, tail_lines: Some(0), ..LogStream::default() };
    logs::serve(node, view, container, &from_now, client).await
}
