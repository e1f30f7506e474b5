//! `xebec logs`: what a container has written, byte for byte.

use anyhow::Result;
use tokio_stream::StreamExt;
use xebec_proto::v1::LogsRequest;

use super::pod_name;
use crate::args::{Connection, LogsArguments};
use crate::client::Session;
use crate::print;

/// Runs it.
pub(crate) async fn run(connection: &Connection, arguments: LogsArguments) -> Result<()> {
    let session = Session::open(connection).await?;
    let message = LogsRequest {
        namespace: session.namespace().to_owned(),
        pod: pod_name(&arguments.pod)?.to_owned(),
        container: arguments.container.unwrap_or_default(),
        follow: arguments.follow,
        previous: arguments.previous,
        timestamps: arguments.timestamps,
        tail_lines: arguments.tail,
        since_seconds: arguments.since.map(|span| span.0.as_secs().max(1)),
        limit_bytes: None,
    };
    let mut chunks = session.objects().logs(message).await?.into_inner();
    while let Some(chunk) = chunks.next().await {
        print::raw(&chunk?.data)?;
    }
    Ok(())
}
