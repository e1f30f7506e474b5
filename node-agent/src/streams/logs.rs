//! Serves a container's log.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use xebec_api::status::Status;
use xebec_node_plan::logline::Stream;
use xebec_node_plan::moment::Moment;
use xebec_proto::v1::LogStream;
use xebec_proto::v1::stream_frame::Frame;

use super::{Client, Gone};
use crate::logs::{LogKey, LogOptions, LogReader};
use crate::node::{Node, now};
use crate::pods::PodView;

pub(super) async fn serve(
    node: &Arc<Node>,
    view: &PodView,
    container: &str,
    wanted: &LogStream,
    client: &Client,
) -> Result<(), Gone> {
    let starts = view.observed.borrow().container(container).starts;
    let attempt = starts.checked_sub(if wanted.previous { 2 } else { 1 });
    let Some(attempt) = attempt else {
        let message = match wanted.previous {
            true => format!("previous terminated container \"{container}\" not found"),
            false => format!("container \"{container}\" is waiting to start"),
        };
        return client.fail(&Status::bad_request(message)).await;
    };
    let key = LogKey::new(&view.desired.borrow().pod, container, attempt);
    // The feed first: what is written between looking and waiting is then noticed.
    let mut feed = node.logs.feed(&key);
    let path = node.logs.path(&key);
    let options = options(wanted);
    let Ok(Ok(mut reader)) = tokio::task::spawn_blocking(move || LogReader::open(&path, options)).await else {
        return client.fail(&Status::internal("the log cannot be read")).await;
    };
    loop {
        let ended = feed.as_ref().is_none_or(|feed| feed.borrow().ended);
        reader = match send_all(reader, client).await? {
            Some(reader) => reader,
            None => return client.fail(&Status::internal("the log cannot be read")).await,
        };
        let Some(feed) = feed.as_mut().filter(|_| !ended) else { break };
        let more = tokio::select! {
            more = reader.more(feed) => more || feed.borrow().ended && wanted.follow && !reader.is_full(),
            () = client.gone() => return Err(Gone),
        };
        if !more {
            break;
        }
    }
    client.send(Frame::End(true)).await
}

/// Sends what can be read now.
async fn send_all(mut reader: LogReader, client: &Client) -> Result<Option<LogReader>, Gone> {
    loop {
        let read = tokio::task::spawn_blocking(move || (reader.read(), reader)).await;
        let Ok((Ok(batch), returned)) = read else { return Ok(None) };
        reader = returned;
        if batch.pieces.is_empty() {
            return Ok(Some(reader));
        }
        for (stream, bytes) in batch.pieces {
            client
                .send(match stream {
                    Stream::Stdout => Frame::Stdout(bytes.into()),
                    Stream::Stderr => Frame::Stderr(bytes.into()),
                })
                .await?;
        }
    }
}

fn options(wanted: &LogStream) -> LogOptions {
    let since = wanted.since_seconds.map(|seconds| {
        let ago = Duration::from_secs(seconds).as_millis();
        let moment = now().0.saturating_sub(i64::try_from(ago).unwrap_or(i64::MAX));
        Timestamp::max(Moment(moment).timestamp(), Timestamp::UNIX_EPOCH)
    });
    LogOptions {
        follow: wanted.follow,
        timestamps: wanted.timestamps,
        tail: wanted.tail_lines,
        since,
        limit: wanted.limit_bytes,
    }
}
