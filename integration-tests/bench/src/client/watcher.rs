//! One watch.

use bytes::{Bytes, BytesMut};
use h2::{RecvStream, SendStream};

use super::connection::{absorb, accepted, check};
use super::{CallError, Connection, frames};
use crate::wire::{WatchCommand, WatchCreate, WatchRequest, WatchResponse, prefix_end};

/// A watch on a prefix.
pub struct Watcher {
    body: RecvStream,
    received: BytesMut,
    /// Open for as long as the watch shall go on.
    _sending: SendStream<Bytes>,
}

impl Connection {
    /// Watches a prefix, from a revision on (0: from now on). When it returns, the watch has begun.
    pub async fn watch(&self, prefix: &str, start_revision: i64) -> Result<Watcher, CallError> {
        let (response, mut sending) = self.begin("/etcdserverpb.Watch/Watch").await?;
        let key = Bytes::copy_from_slice(prefix.as_bytes());
        let range_end = prefix_end(prefix.as_bytes()).into();
        let create = WatchCreate { key, range_end, start_revision, prev_kv: false };
        let request = WatchRequest { command: Some(WatchCommand::Create(create)) };
        sending.send_data(frames::frame(&request), false)?;
        let body = accepted(response).await?;
        let mut watcher = Watcher { body, received: BytesMut::new(), _sending: sending };
        match watcher.next().await? {
            Some(first) if first.created && !first.canceled => Ok(watcher),
            _ => Err(CallError::Protocol("no confirmation of the watch")),
        }
    }
}

impl Watcher {
    /// The next message; `None`: the server has ended the watch.
    pub async fn next(&mut self) -> Result<Option<WatchResponse>, CallError> {
        loop {
            if let Some(response) = frames::take(&mut self.received)? {
                return Ok(Some(response));
            }
            let Some(data) = self.body.data().await else {
                check(self.body.trailers().await?.as_ref())?;
                return Ok(None);
            };
            absorb(&mut self.body, &mut self.received, &data?)?;
        }
    }
}
