//! Watches: a watcher is a cursor and a signal, so a slow one holds nothing but its place.

use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use tokio::sync::watch;
use tonic::{Request, Response, Status, Streaming};
use xebec_store::kv::{self, KeyRange, State};
use xebec_store::{ApplyObserver, Store};

use super::convert::{header, key_value, keys, signed, unsigned};
use crate::wire::services::watch_server::Watch;
use crate::wire::{Event, EventKind, KeyValue, WatchCommand, WatchCreate, WatchRequest, WatchResponse};

/// Events in one message, about.
const BATCH: usize = 256;

/// The newest applied revision.
#[derive(Default)]
pub(super) struct Pulse {
    revision: watch::Sender<u64>,
}

impl ApplyObserver for Pulse {
    fn restored(&self, state: &State) {
        self.revision.send_replace(state.revision());
    }

    fn applied(&self, _state: &State, events: &[kv::Event]) {
        if let Some(event) = events.first() {
            self.revision.send_replace(event.revision);
        }
    }
}

/// The watch service of a member.
pub(super) struct WatchService {
    store: Store,
    pulse: Arc<Pulse>,
}

type Responses = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

impl WatchService {
    pub(super) fn new(store: Store, pulse: Arc<Pulse>) -> WatchService {
        WatchService { store, pulse }
    }

    fn begin(&self, create: WatchCreate) -> Watcher {
        let seen = unsigned(create.start_revision).checked_sub(1).unwrap_or_else(|| self.store.state().revision());
        let revision = self.pulse.revision.subscribe();
        let range = keys(create.key, create.range_end);
        Watcher { store: self.store.clone(), revision, seen, range, prev_kv: create.prev_kv }
    }
}

#[tonic::async_trait]
impl Watch for WatchService {
    type WatchStream = Responses;

    /// One watch a stream.
    async fn watch(&self, request: Request<Streaming<WatchRequest>>) -> Result<Response<Responses>, Status> {
        let mut commands = request.into_inner();
        let first = commands.message().await?.and_then(|request| request.command);
        let Some(WatchCommand::Create(create)) = first else {
            return Err(Status::invalid_argument("command: the first must create a watch"));
        };
        let watcher = self.begin(create);
        let created = WatchResponse { created: true, ..watcher.response(watcher.seen) };
        let events = stream::unfold((watcher, commands), |(mut watcher, commands)| async move {
            let next = watcher.next().await?;
            Some((next, (watcher, commands)))
        });
        Ok(Response::new(stream::iter([Ok(created)]).chain(events).boxed()))
    }
}

/// One watch: where it stands, and what it wants.
struct Watcher {
    store: Store,
    revision: watch::Receiver<u64>,
    seen: u64,
    range: KeyRange,
    prev_kv: bool,
}

impl Watcher {
    /// The next events; `None`: the store has stopped.
    async fn next(&mut self) -> Option<Result<WatchResponse, Status>> {
        loop {
            self.revision.wait_for(|revision| *revision > self.seen).await.ok()?;
            match self.collect() {
                Ok(response) if response.events.is_empty() => {}
                answered => return Some(answered),
            }
        }
    }

    fn collect(&mut self) -> Result<WatchResponse, Status> {
        let state = self.store.state();
        let batches = state.events_after(self.seen);
        let batches = batches.map_err(|error| Status::out_of_range(format!("compacted: {error}")))?;
        let mut events = Vec::new();
        for batch in batches {
            self.seen = batch.first().map_or(self.seen, |event| event.revision);
            events.extend(
                batch.into_iter().filter(|event| self.range.contains(&event.key)).map(|event| self.event(event)),
            );
            if events.len() >= BATCH {
                break;
            }
        }
        Ok(WatchResponse { events, ..self.response(self.seen) })
    }

    fn event(&self, event: kv::Event) -> Event {
        let gone = KeyValue { key: event.key, mod_revision: signed(event.revision), ..KeyValue::default() };
        let (kind, kv) = match event.current {
            Some(current) => (EventKind::Put, key_value(current)),
            None => (EventKind::Delete, gone),
        };
        let prev_kv = event.previous.filter(|_| self.prev_kv).map(key_value);
        Event { kind: kind.into(), kv: Some(kv), prev_kv }
    }

    fn response(&self, revision: u64) -> WatchResponse {
        WatchResponse { header: header(&self.store, revision), ..WatchResponse::default() }
    }
}
