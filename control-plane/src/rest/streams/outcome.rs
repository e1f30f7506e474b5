//! How a command ended, as the Status that clients read from the error channel.

use bytes::Bytes;
use serde_json::json;
use xebec_api::Status;
use xebec_proto::v1::StreamFrame;
use xebec_proto::v1::stream_frame::Frame;

use crate::registry::node_refusal;

/// What the node says, for the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Stdout(Bytes),
    Stderr(Bytes),
    /// The last word: a Status.
    Ended(Bytes),
}

/// What a frame from the node means. A stream that ends without a word is a node that has gone.
pub(super) fn said(frame: Option<StreamFrame>, node: &str) -> Said {
    match frame.and_then(|frame| frame.frame) {
        Some(Frame::Stdout(bytes)) => Said::Stdout(bytes),
        Some(Frame::Stderr(bytes)) => Said::Stderr(bytes),
        Some(Frame::ExitCode(code)) => Said::Ended(exit(code)),
        Some(Frame::End(_)) => Said::Ended(exit(0)),
        Some(Frame::ErrorJson(json)) => Said::Ended(refusal(&node_refusal(&json))),
        _ => Said::Ended(refusal(&Status::service_unavailable(format!("the connection to node {node} was lost")))),
    }
}

fn refusal(status: &Status) -> Bytes {
    Bytes::from(status.to_json().to_string())
}

fn exit(code: i32) -> Bytes {
    let status = match code {
        0 => json!({"metadata": {}, "status": "Success"}),
        code => json!({
            "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": format!("command terminated with exit code {code}"),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
    };
    Bytes::from(status.to_string())
}
