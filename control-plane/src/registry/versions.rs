//! Objects in the version that a request is about, where a webhook converts them. All other kinds are converted on the spot.

use futures::{Stream, StreamExt};
use tokio::time::Instant;
use xebec_api::{Kind, Object, Status};

use super::{Registry, Stored, WatchEvent};

/// Events that are converted together, as far as they are there already.
const TOGETHER: usize = 128;
/// How long a watcher waits for a webhook.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// The row in whose form the kind's objects are stored.
pub(super) fn stored_row(kind: &'static Kind) -> &'static Kind {
    kind.kept_as.map_or(kind, |kept| kept.kind)
}

impl Registry {
    /// The object as `kind` serves it.
    pub(super) async fn seen(&self, kind: &'static Kind, stored: Stored, deadline: Instant) -> Result<Stored, Status> {
        if kind.conversion_webhook().is_none() {
            return Ok(stored.seen_as(kind));
        }
        let mut seen = self.seen_all(kind, vec![stored], deadline).await?;
        seen.pop().ok_or_else(|| Status::internal("a conversion has lost its object"))
    }

    /// The objects as `kind` serves them, in the same order.
    pub(super) async fn seen_all(
        &self,
        kind: &'static Kind,
        mut items: Vec<Stored>,
        deadline: Instant,
    ) -> Result<Vec<Stored>, Status> {
        let Some(webhook) = kind.conversion_webhook() else {
            return Ok(items.into_iter().map(|stored| stored.seen_as(kind)).collect());
        };
        let version = kind.api_version();
        let others = items.iter_mut().filter(|stored| stored.object.meta().api_version != version);
        let others: Vec<&mut Stored> = others.collect();
        let objects = others.iter().map(|stored| stored.object.to_value()).collect();
        let converted = self.parts.conversions.convert(webhook, kind, objects, deadline).await?;
        for (stored, mut object) in others.into_iter().zip(converted) {
            kind.strategy.default(&mut object);
            stored.object = Object::from_value(object)?;
        }
        Ok(items)
    }

    /// What is left to tell of an object that is gone, or about to go: as `kind` serves it, or as it was stored if its webhook cannot
    /// say. What is done cannot fail any more.
    pub(super) async fn last_seen(&self, kind: &'static Kind, stored: Stored, deadline: Instant) -> Stored {
        self.seen(kind, stored.clone(), deadline).await.unwrap_or(stored)
    }

    /// A watch with its objects as `kind` serves them. It ends with an error where they cannot be had.
    pub(super) fn seen_events(
        &self,
        kind: &'static Kind,
        events: impl Stream<Item = WatchEvent> + Send + 'static,
    ) -> impl Stream<Item = WatchEvent> + Send + 'static {
        let chunks = Box::pin(events.ready_chunks(TOGETHER));
        let converted = futures::stream::unfold((Some(chunks), self.clone()), move |(chunks, registry)| async move {
            let mut chunks = chunks?;
            let events = chunks.next().await?;
            Some(match registry.converted(kind, events).await {
                Ok(events) => (events, (Some(chunks), registry)),
                Err(status) => (vec![WatchEvent::Error(status)], (None, registry)),
            })
        });
        converted.flat_map(futures::stream::iter)
    }

    async fn converted(&self, kind: &'static Kind, mut events: Vec<WatchEvent>) -> Result<Vec<WatchEvent>, Status> {
        let objects: Vec<&mut Stored> = events.iter_mut().filter_map(object_of).collect();
        let stored = objects.iter().map(|stored| (**stored).clone()).collect();
        let seen = self.seen_all(kind, stored, Instant::now() + PATIENCE).await?;
        objects.into_iter().zip(seen).for_each(|(place, seen)| *place = seen);
        Ok(events)
    }
}

fn object_of(event: &mut WatchEvent) -> Option<&mut Stored> {
    match event {
        WatchEvent::Added(stored) | WatchEvent::Modified(stored) | WatchEvent::Deleted(stored) => Some(stored),
        WatchEvent::Bookmark { .. } | WatchEvent::Error(_) => None,
    }
}
