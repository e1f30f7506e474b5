//! Watches: one a stream, each a watch of the store.

use std::pin::Pin;

use futures::{Stream, StreamExt, stream};
use tonic::{Request, Response, Status, Streaming};
use xebec_store::kv;
use xebec_store::{Store, Watch as StoreWatch, WatchBatch, WatchError, WatchOptions};

use super::convert::{header, key_value, keys, signed, unsigned};
use crate::wire::services::watch_server::Watch;
use crate::wire::{Event, EventKind, KeyValue, WatchCommand, WatchCreate, WatchRequest, WatchResponse};

/// Events in one message, about.
const BATCH: usize = 256;

/// The watch service of a member.
pub(super) struct WatchService {
    store: Store,
}

type Responses = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

impl WatchService {
    pub(super) fn new(store: Store) -> WatchService {
        WatchService { store }
    }

    fn begin(&self, create: WatchCreate) -> Result<StoreWatch, Status> {
        let options = WatchOptions { previous: create.prev_kv, progress: None };
        let range = keys(create.key, create.range_end);
        self.store.watch(range, unsigned(create.start_revision), options).map_err(|error| ended(&error))
    }
}

#[tonic::async_trait]
impl Watch for WatchService {
    type WatchStream = Responses;

    async fn watch(&self, request: Request<Streaming<WatchRequest>>) -> Result<Response<Responses>, Status> {
        let mut commands = request.into_inner();
        let first = commands.message().await?.and_then(|request| request.command);
        let Some(WatchCommand::Create(create)) = first else {
            return Err(Status::invalid_argument("command: the first must create a watch"));
        };
        let watch = self.begin(create)?;
        let created = header(&self.store, watch.progress());
        let created = WatchResponse { header: created, created: true, ..WatchResponse::default() };
        let store = self.store.clone();
        // The client's half is kept open: closing it is how a client ends its watch.
        let events = stream::unfold((watch, commands), move |(mut watch, commands)| {
            let store = store.clone();
            async move {
                let next = next(&mut watch).await.map(|batches| response(&store, batches));
                Some((next.map_err(|error| ended(&error)), (watch, commands)))
            }
        });
        let events = stream::iter([Ok(created)]).chain(events).scan(false, |failed, response| {
            let goes_on = !std::mem::replace(failed, response.is_err());
            futures::future::ready(goes_on.then_some(response))
        });
        Ok(Response::new(events.boxed()))
    }
}

/// What has happened since, as much as goes into one message.
async fn next(watch: &mut StoreWatch) -> Result<Vec<WatchBatch>, WatchError> {
    let mut batches = vec![watch.next().await?];
    let mut events = batches[0].events.len();
    while events < BATCH
        && let Some(batch) = watch.try_next()?
    {
        events += batch.events.len();
        batches.push(batch);
    }
    Ok(batches)
}

fn response(store: &Store, batches: Vec<WatchBatch>) -> WatchResponse {
    let revision = batches.last().map_or(0, |batch| batch.revision);
    let events = batches.into_iter().flat_map(|batch| batch.events).map(event).collect();
    WatchResponse { header: header(store, revision), events, ..WatchResponse::default() }
}

fn event(event: kv::Event) -> Event {
    let gone = KeyValue { key: event.key, mod_revision: signed(event.revision), ..KeyValue::default() };
    let (kind, kv) = match event.current {
        Some(current) => (EventKind::Put, key_value(current)),
        None => (EventKind::Delete, gone),
    };
    Event { kind: kind.into(), kv: Some(kv), prev_kv: event.previous.map(key_value) }
}

fn ended(error: &WatchError) -> Status {
    match error {
        WatchError::Compacted { .. } => Status::out_of_range(error.to_string()),
        WatchError::Stopped => Status::unavailable(error.to_string()),
    }
}
